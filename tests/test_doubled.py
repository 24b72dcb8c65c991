"""The same command twice at once in one folder: the second waits, and both end as one alone would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from fixtures import run, succeed, tools_environment, training_held


def start(project: Path, *command: str, **environment: str) -> subprocess.Popen:
    """Start a Python command in a process group of its own; both of its outputs are `stdout`."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=project,
        env=tools_environment(PYTHONUNBUFFERED="1", **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ends(processes: list[subprocess.Popen]) -> Iterator[str]:
    """Wait for the end of each; yield what it printed."""
    for process in processes:
        text = process.communicate()[0]
        assert process.returncode == 0, text
        assert "Traceback" not in text, text
        yield text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "made"),
    [
        (["stages/download.py"], "data/raw"),
        (["tools/seeds.py", "2", "--jobs", "1"], "reports/seeds.csv"),
        (["tools/pack_images.py", "own", "mine"], "recipes/mine.yaml"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_two_at_once_end_as_one_alone(command, made, light):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (light / "own" / split / name).mkdir(parents=True)
            for i in range(3):
                picture = Image.new("L", (28, 28))
                picture.putpixel((9 * i, len(name + split)), 255)
                picture.putpixel((5, 5 if name == "cat" else 9), 255)
                picture.save(light / f"own/{split}/{name}/{i}.png")
    list(ends([start(light, *command)]))
    paths = sorted(path for path in [light / made, *(light / made).rglob("*")] if path.is_file())
    alone = [path.read_bytes() for path in paths]
    list(ends([start(light, *command) for _ in range(2)]))
    assert [path.read_bytes() for path in paths] == alone
    assert not list(light.rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["seeds.py", "2"], ["sweep.py", "train.epochs=1,2"], ["recipe.py", "ten_epochs"]],
    ids=lambda command: command[0],
)
def test_a_study_waits_for_another_of_its_kind(command, project):
    (project / ".locks").mkdir(exist_ok=True)
    name = command[0].removesuffix(".py")
    with FileLock(project / ".locks" / name):
        (project / f".locks/{name}.holder").write_text("the first of them")
        second = start(project, f"tools/{command[0]}", *command[1:])
        assert (
            second.stdout.readline() == f"{name}: waiting for the end of the first of them, which runs in this folder\n"
        )
        os.killpg(second.pid, signal.SIGINT)
        assert second.communicate()[0].startswith(f"{name}: interrupted")
    assert second.returncode == 130


@pytest.mark.slow
def test_an_experiment_beside_a_repro_leaves_its_results_alone(light, tmp_path):
    before = (light / "dvc.lock").read_bytes()
    with training_held(tmp_path / "hold") as environment:
        repro = start(light, "-m", "dvc", "repro", "--force", "--single-item", "train", **environment)
        next(line for line in repro.stdout if "stages/train.py" in line)
        command = ["dvc", "exp", "run", "--temp", "--name", "other", "--set-param", "plot.mistakes=3"]
        list(ends([start(light, "-m", *command)]))
        assert repro.poll() is None
    list(ends([repro]))
    assert (light / "dvc.lock").read_bytes() == before
    assert succeed(light, "git", "status", "--porcelain") == ""
    assert "other" in succeed(light, "dvc", "exp", "list", "--name-only")


@pytest.mark.slow
def test_a_study_that_is_killed_leaves_no_process_and_goes_on_the_next_time(light):
    study = start(light, "tools/seeds.py", "2", "--jobs", "1")
    marker = str(light / ".dvc/tmp")
    while not working_in(marker):
        assert study.poll() is None
        time.sleep(0.02)
    os.kill(study.pid, signal.SIGKILL)
    study.wait()
    end = time.monotonic() + 60
    while working_in(marker):
        assert time.monotonic() < end, "a process goes on without the study"
        time.sleep(0.05)
    study.stdout.close()
    assert run(light, "python", "tools/seeds.py", "2", "--jobs", "1").returncode == 0
    assert len((light / "reports/seeds.csv").read_text().splitlines()) == 3


def working_in(folder: str) -> list[str]:
    """Return the processes whose working directory lies below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(folder):
                found.append(process.name)
        except OSError:  # it has ended, or belongs to another user
            continue
    return found
