"""seeds.py on the tiny data: two commits of a fresh clone are compared by all their seeds."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import seeds
from common.errors import PipelineError
from comparison import study
from fixtures import commit, edit_params, succeed


@pytest.mark.slow
def test_two_studies_of_seeds_are_compared_in_a_fresh_clone_and_the_cache_is_where_it_was_put(light, tmp_path):
    shutil.move(light / ".dvc/cache", tmp_path / "shared")
    succeed(light, "dvc", "cache", "dir", "--local", str(tmp_path / "shared"))
    succeed(light, "dvc", "config", "--local", "cache.type", "symlink")
    output = succeed(light, "python", "tools/seeds.py", "2", "--jobs", "1")
    assert "validation accuracy" in output
    assert not (light / ".dvc/cache").exists()
    commit(light, "Two seeds")
    edit_params(light, {"train.epochs": 1})
    assert "test accuracy" in succeed(light, "python", "tools/seeds.py", "2", "--split", "test")
    succeed(light, "dvc", "repro")
    commit(light, "One epoch, two seeds")

    table = pd.read_csv(light / study.TABLE)
    assert table["seed"].tolist() == [0, 1]
    metrics = json.loads((light / "reports/evaluate/metrics.json").read_text())
    columns = ["accuracy", "errors", "loss"]
    assert table[columns].iloc[0].tolist() == [metrics[name] for name in columns]
    found, fault = study.parse((light / study.TABLE).read_bytes(), (light / study.SCORES).read_bytes())
    assert fault == ""
    assert found.scores["test"][:, 1].mean(axis=1) == pytest.approx(table["loss"].to_numpy(), abs=1e-3)
    assert found.scores["validation"][:, 0].mean(axis=1) == pytest.approx(table["val_accuracy"].to_numpy(), abs=1e-6)

    clone = tmp_path / "clone"
    succeed(tmp_path, "git", "clone", "--quiet", str(light), str(clone))
    (result,) = json.loads(succeed(clone, "python", "tools/compare.py", "HEAD~1", "HEAD", "--json"))
    assert result["spread"] == "measured for old (2 seeds) and new (2 seeds)"
    assert result["new"]["errors"] == pytest.approx(table["val_errors"].mean(), abs=1e-6)
    assert np.isfinite([result[measure]["other_images"]["low"] for measure in ("accuracy", "loss")]).all()
    assert result["parameters"] == {"train.epochs": {"old": 2, "new": 1}}


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([0.98, 0.984, 0.982], "a difference below 1.22 points between two single runs may be the seeds alone"),
        ([0.98, 0.984], "two seeds cannot show how far apart two single runs may be: use at least 3"),
    ],
)
def test_the_difference_that_is_evident_is_that_of_two_runs_with_this_spread(accuracies, expected):
    assert seeds.describe(pd.DataFrame({"accuracy": accuracies}), "test").splitlines()[1] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1"], "expected at least 2 seeds: a standard deviation needs them"),
        (["2", "--jobs", "0"], "expected at least 1 job and 1 worker"),
    ],
)
def test_too_few_seeds_or_jobs_are_one_line(monkeypatch, arguments, message):
    monkeypatch.setattr("sys.argv", ["seeds.py", *arguments])
    with pytest.raises(PipelineError, match=f"^{message}$"):
        seeds.main()
