"""One variant of the pipeline, and what its run cache takes from DVC's private parts."""

import json
import shutil

import pytest
import yaml
from dvc.repo import Repo
from dvc.stage.cache import StageCache, _get_stage_hash

from common.errors import PipelineError
from fixtures import run, succeed
from running import overrides, shared_runs, variant
from running.shared_runs import RemoteEntries, SharedRuns


@pytest.fixture
def cached(project, tmp_path, monkeypatch):
    """The finished project with a remote, as the current folder."""
    succeed(project, "dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    monkeypatch.chdir(project)
    monkeypatch.setattr(shared_runs.time, "sleep", lambda _: None)
    return project


def find(repo, name):
    return next(stage for stage in repo.index.stages if stage.addressing == name)


def test_dvc_names_looks_up_and_replaces_its_run_cache_as_we_rely_on(cached):
    with Repo() as repo:
        assert isinstance(repo.stage_cache, StageCache)
        stage = find(repo, "evaluate")
        key = _get_stage_hash(stage)
        (entry,) = (cached / ".dvc/cache/runs" / key[:2] / key).iterdir()
        assert repo.stage_cache._load(stage)["cmd"] == stage.cmd
        assert repo.stage_cache._get_cache_path(key, entry.name) == str(entry)


def test_an_entry_is_fetched_when_it_is_looked_up_and_pushed_after_its_contents(cached, tmp_path, monkeypatch):
    with Repo() as repo:
        runs = SharedRuns(repo, RemoteEntries(repo))
        stage = find(repo, "evaluate")
        assert runs._load(stage)
        order = []
        push_files, push_entry = repo.cloud.push, RemoteEntries.push
        monkeypatch.setattr(repo.cloud, "push", lambda files: order.append("files") or push_files(files))
        monkeypatch.setattr(RemoteEntries, "push", lambda *what: order.append("entry") or push_entry(*what))
        assert runs.push_used() == 1
        assert order == ["files", "entry"]
        assert runs.push_used() == 0
        key, value = runs.used["evaluate"]
        shutil.rmtree(cached / ".dvc/cache/runs" / key[:2] / key)
        assert SharedRuns(repo, RemoteEntries(repo))._load(stage)
        assert (cached / ".dvc/cache/runs" / key[:2] / key / value).exists()


def test_two_results_of_the_same_inputs_are_an_error(cached, tmp_path):
    with Repo() as repo:
        runs, stage = SharedRuns(repo, RemoteEntries(repo)), find(repo, "train")
        key = _get_stage_hash(stage)
        other = tmp_path / "remote/runs" / key[:2] / key / ("0" * 64)
        other.parent.mkdir(parents=True)
        shutil.copy(next((cached / ".dvc/cache/runs" / key[:2] / key).iterdir()), other)
        with pytest.raises(PipelineError, match="train: 2 different results of .* 0{12} of .* or an unknown host"):
            runs._load(stage)


def test_two_hosts_that_push_different_results_at_once_are_both_named(cached, tmp_path, monkeypatch):
    with Repo() as repo:
        runs, stage = SharedRuns(repo, RemoteEntries(repo)), find(repo, "train")
        assert runs._load(stage)
        key, value = runs.used["train"]
        push = RemoteEntries.push

        def both(self, key, value, path):
            for host, name in [("node1", "0" * 64), ("node2", value)]:
                monkeypatch.setattr(shared_runs.hardware, "host", lambda host=host: host)
                push(self, key, name, path)

        monkeypatch.setattr(RemoteEntries, "push", both)
        with pytest.raises(PipelineError, match=f"train: 2 different .* 0{{12}} of node1, {value[:12]} of node2;"):
            runs.push_used()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", ""])
def test_a_remote_that_cannot_serve_is_one_line(project, url, monkeypatch):
    monkeypatch.chdir(project)
    if url:
        succeed(project, "dvc", "remote", "add", "--default", "shared", url)
    with Repo() as repo, pytest.raises(PipelineError, match="dvc remote add --default|over HTTP") as error:
        RemoteEntries(repo)
    assert "\n" not in str(error.value)


def test_a_remote_that_fails_is_tried_again_and_then_one_line(monkeypatch):
    calls = []

    @shared_runs.retried
    def fail():
        calls.append(1)
        raise OSError("no route\nto host")

    monkeypatch.setattr(shared_runs.time, "sleep", lambda _: None)
    with pytest.raises(PipelineError, match="the DVC remote failed 3 times: no route to host"):
        fail()
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["nonsense"], "expected section.name=value"),
        (["train=1"], "expected section.name=value"),
        (["train.seed=1", "train.seed=2"], "train.seed is set twice"),
        (["train.epochs=["], "the value is not YAML"),
        (["train.sed=1"], "train.sed: no such parameter"),
        (["trian.seed=1"], "trian.seed: no such parameter"),
        (["train.epochs=0"], "train.epochs: expected"),
        (["train.epochs=ten"], "train.epochs: expected"),
        (["model.hidden_units=[1,2,3]"], "model.hidden_units: expected"),
    ],
)
def test_a_wrong_change_is_one_line_before_anything_runs(texts, message, finished):
    with pytest.raises(PipelineError, match=message):
        overrides.require_valid(finished, overrides.parse(texts))


def test_values_are_yaml_and_a_grid_has_every_combination():
    assert overrides.parse(["train.learning_rate=1e-3", "model.hidden_units=[8, 4]", "train.schedule=cosine"]) == {
        "train.learning_rate": 0.001, "model.hidden_units": [8, 4], "train.schedule": "cosine",
    }  # fmt: skip
    grid = overrides.parse_grid(["train.batch_size=16,32", "model.hidden_units=[8,4],[4,2]"])
    assert [overrides.name(settings) for settings in grid] == [
        "batch_size 16, hidden_units [8, 4]",
        "batch_size 16, hidden_units [4, 2]",
        "batch_size 32, hidden_units [8, 4]",
        "batch_size 32, hidden_units [4, 2]",
    ]
    for grid, message in [(["train.seed=1,1"], "different values"), (["train.seed="], "different values")]:
        with pytest.raises(PipelineError, match=message):
            overrides.parse_grid(grid)


def test_a_variant_keeps_in_its_lock_what_training_needs_also_a_stage_of_the_users_own(project):
    path = project / "dvc.lock"
    locked = yaml.safe_load(path.read_text())
    stages = locked["stages"]
    stages["clean"] = {"cmd": "own", "deps": [{"path": "data/normalized/train"}], "outs": [{"path": "data/clean"}]}
    stages["train"]["deps"].append({"path": "data/clean"})
    path.write_text(yaml.safe_dump(locked))
    variant.forget(project)
    kept = yaml.safe_load(path.read_text())["stages"]
    assert kept == {name: stages[name] for name in ("check", "download", "normalize", "clean")}
    variant.forget(project)  # without the stages that train and measure: from the run cache, all of it
    assert yaml.safe_load(path.read_text())["stages"] == {}


def test_a_project_without_git_is_one_line(project):
    shutil.rmtree(project / ".git")
    result = run(project, "python", "tools/run_variant.py", "--set", "train.seed=7")
    assert result.returncode == 1
    assert result.stderr.startswith("run_variant: ") and "this needs a clone of the project" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_sweep_compares_on_the_same_images(finished):
    result = run(finished, "python", "tools/sweep.py", "normalize.validation_fraction=0.2,0.3")
    assert result.returncode == 1
    assert result.stderr.startswith("sweep: normalize.validation_fraction: a sweep compares settings on the same ")


@pytest.mark.slow
def test_a_variant_prints_one_line_leaves_the_project_alone_and_is_not_computed_twice(light):
    before = succeed(light, "git", "status", "--porcelain", "--ignored")
    command = ["python", "tools/run_variant.py", "--set", "train.seed=7", "--set", "train.epochs=1"]
    first, second = (run(light, *command) for _ in range(2))
    assert first.stdout.count("\n") == second.stdout.count("\n") == 1
    found, again = json.loads(first.stdout), json.loads(second.stdout)
    assert found["computed"] == ["train", "evaluate"]
    assert again["computed"] == []
    assert found["outputs"] == again["outputs"]
    assert found["parameters"] == {"train.seed": 7, "train.epochs": 1}
    assert succeed(light, "git", "status", "--porcelain", "--ignored") == before
