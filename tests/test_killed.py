"""Killed is not lost: whatever ends DVC, a stage or both, the same command again ends where an undisturbed run does.

The moments are chosen by what a stage does (tests/killing says how), the middle of a save above all. DVC writes its
dvc.lock in place: killed just then it leaves a part, which it may refuse to read, and Git has the whole.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fixtures import PROJECT, run, succeed, tools_environment, training_held
from watching import end, start

pytestmark = pytest.mark.slow  # DVC, and many stages from their beginning


def killing(script: str, moment: str) -> dict[str, str]:
    """The environment in which a script kills, as tests/killing/sitecustomize.py describes it."""
    return {"PYTHONPATH": str(PROJECT / "tests/killing"), "KILL_IN": script, "KILL": moment}


def repro(stage: str) -> list[str]:
    return ["dvc", "repro", "--force", "--single-item", stage]


def forget(project: Path, stage: str) -> None:
    """Leave the outputs of the stage in the folder but nothing to restore them from."""
    shutil.rmtree(project / ".dvc/cache/runs")
    for out in yaml.safe_load((project / "dvc.lock").read_text())["stages"][stage]["outs"]:
        (project / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]).unlink(missing_ok=True)


def go_on(project: Path, lock: bytes) -> None:
    """Do after a kill what docs/verification.md says."""
    result = run(project, "dvc", "repro")
    if result.returncode:
        assert (project / "dvc.lock").read_bytes() != lock, result.stderr
        succeed(project, "git", "restore", "dvc.lock")
        succeed(project, "dvc", "repro")


def assert_as_committed(project: Path, lock: bytes) -> None:
    assert (project / "dvc.lock").read_bytes() == lock
    assert succeed(project, "git", "status", "--porcelain") == ""
    assert not list(project.rglob("*.part"))
    assert not (project / ".checkpoints").exists()


@pytest.mark.parametrize(("stage", "file"), [("normalize", "validation/images.npy"), ("eda", "summary.json")])
def test_a_stage_stopped_in_the_middle_of_a_save_ends_as_an_undisturbed_one(stage, file, light):
    lock = (light / "dvc.lock").read_bytes()
    forget(light, stage)
    told = f"{stage}: interrupted before the end; run it again, and it starts from the beginning\n"
    for name in ("SIGINT", "SIGTERM", "SIGKILL"):
        environment = killing(f"{stage}.py", f"os.rename {file} 1 {name} group")
        said = end(start(light, *repro(stage), **environment))
        assert (told in said) == (name != "SIGKILL"), said
        assert (light / "dvc.lock").read_bytes() == lock
    go_on(light, lock)
    assert_as_committed(light, lock)


def test_a_training_killed_in_every_way_goes_on_and_ends_in_the_same_bytes(project):
    lock = (project / "dvc.lock").read_bytes()
    forget(project, "train")
    for moment, told in [
        ("os.rename .npz 1 SIGTERM self", "after epoch 0 of 2; run it again, and it starts from the beginning"),
        ("os.rename .npz 2 SIGINT group", "after epoch 1 of 2; run it again, and it goes on from there"),
        ("os.rename history.csv 2 SIGKILL group", "Running stage"),
        ("os.rename model.keras 1 SIGTERM group", "after epoch 2 of 2; run it again, and it goes on from there"),
    ]:
        saved = [path.name for path in project.glob(".checkpoints/*.npz")]
        output = end(start(project, *repro("train"), **killing("train.py", moment)))
        assert told in output, moment
        assert ("epoch   1/2" in output) == (not saved), moment
        assert (project / "dvc.lock").read_bytes() == lock
    assert len(saved) == 1
    go_on(project, lock)
    assert_as_committed(project, lock)


@pytest.mark.parametrize("shell", ["bash", "sh"])  # Debian's sh lives on beside the stage when DVC is killed
def test_a_stage_that_a_killed_dvc_left_behind_writes_nothing_into_the_next_run(shell, light, monkeypatch):
    """Each is stopped within a save, after it has looked whether its DVC lives, and goes on when the next one waits."""
    monkeypatch.setenv("SHELL", shutil.which(shell))
    lock = (light / "dvc.lock").read_bytes()
    forget(light, "train")
    left = start(light, *repro("train"), **killing("train.py", "os.rename history.csv 1 SIGKILL orphan"))
    assert left.wait() == -signal.SIGKILL
    for moment in ("os.rename model.keras 1 SIGKILL orphan", None):
        following = start(light, *repro("train"), **killing("train.py", moment) if moment else {})
        waiting = next(line for line in following.stdout if "waiting" in line)
        holder = int(waiting.partition("process ")[2].partition(",")[0])
        assert f"train: waiting for the end of train, process {holder}, since " in waiting
        os.kill(holder, signal.SIGCONT)
        assert "train: dvc has ended and left this stage alone: stopped" in end(left)
        following.wait()
        left = following
    assert left.returncode == 0, end(left)
    assert_as_committed(light, lock)


def test_two_stages_take_turns(light):
    first = start(light, "python", "stages/normalize.py", **killing("normalize.py", "os.rename .npy 1 SIGSTOP self"))
    os.waitpid(first.pid, os.WUNTRACED)
    second = start(light, "python", "stages/eda.py")
    assert f"eda: waiting for the end of normalize, process {first.pid}, since " in second.stdout.readline()
    os.kill(first.pid, signal.SIGCONT)
    assert end(second).startswith("eda: ")
    assert end(first).startswith("normalize: ")
    assert (first.wait(), second.wait()) == (0, 0)
    assert succeed(light, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("last", ["  train:", "path: stages/train.py\n      hash:"])  # DVC refuses one of them
def test_a_lock_that_was_half_written_is_written_again_or_comes_back_from_git(light, last):
    lock = (light / "dvc.lock").read_bytes()
    head, found, _ = lock.partition(last.encode())
    assert found
    (light / "dvc.lock").write_bytes(head + found)
    go_on(light, lock)
    assert (light / "dvc.lock").read_bytes() == lock
    assert succeed(light, "git", "status", "--porcelain") == ""


def test_a_full_disk_is_one_line_and_no_half_output(light):
    """The limit on the size of a file stands for the disk: the system refuses the bytes beyond it."""
    shutil.rmtree(light / "data/normalized")
    result = subprocess.run(
        [sys.executable, "stages/normalize.py"],
        cwd=light,
        env=tools_environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert result.returncode == 1
    assert result.stderr.startswith("normalize: ")
    assert "File too large" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not [*light.rglob("*.part"), *light.glob("data/normalized/*/images.npy")]


def test_an_experiment_beside_a_repro_leaves_its_results_alone(light, tmp_path):
    before = (light / "dvc.lock").read_bytes()
    with training_held(tmp_path / "hold") as environment:
        running = start(light, *repro("train"), **environment)
        next(line for line in running.stdout if "stages/train.py" in line)
        succeed(light, "dvc", "exp", "run", "--temp", "--name", "other", "--set-param", "plot.mistakes=3")
        assert running.poll() is None
    end(running)
    assert running.returncode == 0
    assert (light / "dvc.lock").read_bytes() == before
    assert succeed(light, "git", "status", "--porcelain") == ""
    assert "other" in succeed(light, "dvc", "exp", "list", "--name-only")
