"""Variants of the pipeline on this machine: their parameters, how they are interrupted, and that nothing runs twice."""

import json
import os
import signal
import sys

import pytest

import sweep
from common.errors import PipelineError
from fixtures import run, succeed, training_held
from running import overrides, processes
from watching import LIMIT, processes_below, start, trainings, wait_for


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["nonsense"], "expected section.name=value"),
        (["train=1"], "expected section.name=value"),
        (["train.seed=1", "train.seed=2"], "train.seed is set twice"),
        (["train.epochs=["], "the value is not YAML"),
        (["train.sed=1"], "train.sed: no such parameter"),
        (["trian.seed=1"], "trian: no such parameter"),
        (["train.epochs=ten"], "train.epochs: expected"),
    ],
)
def test_a_wrong_change_is_one_line_before_anything_runs(texts, message, finished):
    with pytest.raises(PipelineError, match=message):
        overrides.require_valid(finished, *overrides.parse_grid(texts))


def test_values_are_yaml_and_a_grid_has_every_combination():
    (changes,) = overrides.parse_grid(["train.learning_rate=1e-3", "train.schedule=cosine"])
    assert changes == {"train.learning_rate": 0.001, "train.schedule": "cosine"}
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


def test_a_sweep_compares_on_the_same_images(monkeypatch):
    monkeypatch.setattr("sys.argv", ["sweep.py", "normalize.validation_fraction=0.2,0.3"])
    with pytest.raises(PipelineError, match="^normalize.validation_fraction: a sweep compares settings on the same "):
        sweep.main()


@pytest.mark.slow
def test_a_variant_is_one_line_from_any_folder_leaves_the_project_alone_and_is_not_computed_twice(light, tmp_path):
    before = succeed(light, "git", "status", "--porcelain", "--ignored")
    command = ["python", str(light / "tools/run_variant.py"), "--set", "train.seed=7", "--set", "train.epochs=1"]
    first, second = (run(tmp_path, *command) for _ in range(2))
    assert first.stdout.count("\n") == second.stdout.count("\n") == 1, first.stderr
    found, again = json.loads(first.stdout), json.loads(second.stdout)
    assert found["computed"] == ["train", "evaluate"]
    assert again["computed"] == []
    assert found["outputs"] == again["outputs"]
    assert found["parameters"] == {"train.seed": 7, "train.epochs": 1}
    assert succeed(light, "git", "status", "--porcelain", "--ignored") == before


@pytest.mark.slow
def test_the_variant_that_fails_is_named_and_the_others_are_kept(light):
    command = ["python", "tools/sweep.py", "train.batch_size=16,100000", "--seeds", "1"]
    result = run(light, *command)
    assert result.returncode == 1
    assert "1 of 2 variants failed\n  batch_size 100000, seed 0: " in result.stderr
    assert "train.batch_size: expected at most 240" in result.stderr
    assert "1 are finished and kept" in result.stderr
    assert not (light / "reports/sweep.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_ends_the_running_variants_and_leaves_no_copy(light, tmp_path, number, status):
    with training_held(tmp_path / "hold") as environment:
        study = start(light, sys.executable, "tools/seeds.py", "4", "--jobs", "2", **environment)
        wait_for(lambda: trainings(light / ".dvc/tmp") == 2 or study.poll(), "two trainings")
        study.send_signal(number)
        if number != signal.SIGKILL:
            study.send_signal(signal.SIGINT)  # an impatient user
        output, _ = study.communicate(timeout=LIMIT)
        assert study.returncode in (status, 130), output  # Python handles the lower number first if both are waiting
        wait_for(lambda: not processes_below(light / ".dvc/tmp"), "the end of all processes")
        if number != signal.SIGKILL:
            assert "seeds: interrupted before the end; run it again: finished variants are in DVC's cache" in output
            assert not [path for path in (light / ".dvc/tmp").iterdir() if path.is_dir()]


def test_a_command_ends_with_its_life_line_and_what_it_started_with_it(tmp_path):
    command = ["sh", "-c", "sleep 600 & sleep 600; echo never"]
    with processes.life_line() as line:
        line.cut()
        assert processes.run(command, tmp_path, line, os.environ) == (-signal.SIGKILL, [])
    assert not processes_below(tmp_path)


def test_the_lines_and_the_status_of_a_command_are_returned(tmp_path, capfd):
    with processes.life_line() as line:
        found = processes.run(["sh", "-c", "echo a; echo; echo b >&2; exit 3"], tmp_path, line, os.environ, show=True)
    assert found == (3, ["a", "b"])
    assert capfd.readouterr() == ("", "a\n\nb\n")
