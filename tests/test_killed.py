"""Killed is not lost: after `kill -9` at any moment, `dvc repro` ends where an undisturbed run does.

DVC writes dvc.lock in place: killed just then it leaves a part, which it may refuse to read, and Git has the whole.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import edit_params, run, succeed, tools_environment

pytestmark = pytest.mark.slow  # DVC, and many stages from their beginning
STAGES = ["check", "download", "normalize", "eda", "train", "evaluate", "plot", "report", "card"]


def start(project: Path, *command: str) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=project,
        env=tools_environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def forget(project: Path, stage: str) -> None:
    """Leave the outputs of the stage in the folder but nothing to restore them from."""
    shutil.rmtree(project / ".dvc/cache/runs")
    for out in yaml.safe_load((project / "dvc.lock").read_text())["stages"][stage]["outs"]:
        (project / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]).unlink(missing_ok=True)


def go_on(project: Path, lock: bytes) -> None:
    """Do after a kill what the README says."""
    result = run(project, "dvc", "repro")
    if result.returncode:
        assert (project / "dvc.lock").read_bytes() != lock, result.stderr
        succeed(project, "git", "restore", "dvc.lock")
        succeed(project, "dvc", "repro")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_a_random_moment_ends_as_an_undisturbed_one(project, stage):
    lock = (project / "dvc.lock").read_bytes()
    forget(project, stage)
    process = start(project, "dvc", "repro", "--force", "--single-item", stage)
    next(line for line in process.stdout if "Running stage" in line)
    try:
        process.wait(timeout=random.Random(stage).uniform(0, 2))
    except subprocess.TimeoutExpired:
        kill(process)
    go_on(project, lock)
    assert (project / "dvc.lock").read_bytes() == lock
    assert succeed(project, "git", "status", "--porcelain") == ""
    assert not list(project.rglob("*.part"))


@pytest.mark.parametrize(
    "last", ["  train:", "  train:\n    cm", "path: stages/train.py\n      hash:", "path: reports/ev"]
)
def test_a_lock_that_was_half_written_is_written_again_or_comes_back_from_git(project, last):
    lock = (project / "dvc.lock").read_bytes()
    head, found, _ = lock.partition(last.encode())
    assert found
    (project / "dvc.lock").write_bytes(head + found)
    go_on(project, lock)
    assert (project / "dvc.lock").read_bytes() == lock
    assert succeed(project, "git", "status", "--porcelain") == ""


def test_a_killed_training_goes_on_from_its_last_epoch_and_ends_in_the_same_bytes(project):
    edit_params(project, {"train.epochs": 60, "train.augmentation": "elastic"})
    succeed(project, "dvc", "repro")
    lock = (project / "dvc.lock").read_bytes()
    forget(project, "train")
    process = start(project, "dvc", "repro", "--force", "--single-item", "train")
    next(line for line in process.stdout if line.startswith("epoch   4/"))
    kill(process)
    assert len(list((project / ".checkpoints").glob("*.npz"))) == 1
    output = succeed(project, "dvc", "repro")
    assert "epoch   1/" not in output
    assert "epoch  60/" in output
    assert (project / "dvc.lock").read_bytes() == lock
    assert not (project / ".checkpoints").exists()


@pytest.mark.parametrize(
    ("stage", "limit"),
    [("normalize", 50_000), ("eda", 5_000), ("train", 1_000), ("evaluate", 500), ("plot", 5_000)],
)
def test_a_full_disk_is_one_line_and_no_half_output(project, stage, limit):
    """The limit on the size of a file stands for the disk: the system refuses the bytes beyond it."""
    shutil.rmtree(project / "data/normalized" if stage == "normalize" else project / "reports" / stage)
    result = subprocess.run(
        [sys.executable, f"stages/{stage}.py"],
        cwd=project,
        env=tools_environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.returncode == 1
    assert result.stderr.startswith(f"{stage}: ")
    assert "File too large" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(project.rglob("*.part"))
    assert succeed(project, "dvc", "repro")
    assert succeed(project, "git", "status", "--porcelain") == ""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_really_full_disk_is_one_line(project, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.rmtree(project / "data/normalized")
        (project / "data/normalized").symlink_to(disk)
        result = run(project, "python", "stages/normalize.py")
        assert result.returncode == 1
        assert result.stderr.startswith("normalize: No space left on device")
        assert result.stderr.count("\n") == 1
        assert not [path for path in disk.rglob("*") if path.is_file() and path.name.endswith((".part", "images.npy"))]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
