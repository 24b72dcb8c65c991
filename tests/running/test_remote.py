"""Sharing through a remote: what one has computed, another fetches."""

import json
import re
import shutil
from unittest.mock import Mock

import pytest
from dvc.repo import Repo
from dvc.stage.cache import RunCacheNotSupported, StageCache

import push_runs
from common.errors import PipelineError
from fixtures import AUTHOR, edit_params, run, succeed
from test_pipeline import executed


@pytest.mark.slow
def test_a_colleague_fetches_results_and_variants_instead_of_computing_them(light, tmp_path):
    succeed(light, "dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    succeed(light, "git", "commit", "--quiet", "--all", "-m", "remote", **AUTHOR)
    finished = (light / "params.yaml").read_text()
    edit_params(light, {"plot.mistakes": 3})
    variant = (light / "params.yaml").read_text()
    assert executed(succeed(light, "dvc", "repro")) == ["check", "plot", "report"]
    (light / "params.yaml").write_text(finished)
    succeed(light, "dvc", "repro")
    succeed(light, "python", "tools/run_variant.py", "--set", "train.seed=5")
    succeed(light, "dvc", "push")
    succeed(light, "python", "tools/push_runs.py")

    clone = tmp_path / "clone"
    succeed(tmp_path, "git", "clone", "--quiet", str(light), str(clone), **AUTHOR)
    shutil.rmtree(light)
    succeed(clone, "dvc", "pull", "--run-cache")
    assert executed(succeed(clone, "dvc", "repro")) == []
    assert succeed(clone, "git", "status", "--porcelain") == ""
    (clone / "params.yaml").write_text(variant)
    assert executed(succeed(clone, "dvc", "repro", "--pull")) == []
    assert "mistakes: 3" in (clone / "dvc.lock").read_text()
    result = run(clone, "python", "tools/run_variant.py", "--set", "train.seed=5", "--pull")
    assert json.loads(result.stdout)["computed"] == [], result.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, "Create a default remote with dvc remote add -d <remote name> <remote url>"),
        (
            RunCacheNotSupported("'push --run-cache' is unsupported for cloud versioned remotes"),
            "'push --run-cache' is unsupported for cloud versioned remotes; use a remote without `version_aware`",
        ),
    ],
)
def test_a_remote_that_cannot_hold_runs_is_one_line_with_the_cure(tmp_path, monkeypatch, error, message):
    Repo.init(str(tmp_path), no_scm=True).close()
    monkeypatch.chdir(tmp_path)
    if error:
        monkeypatch.setattr(StageCache, "push", Mock(side_effect=error))
    with pytest.raises(PipelineError, match=f"{re.escape(message)}$") as raised:
        push_runs.push(None)
    assert "\n" not in str(raised.value)
