"""A tiny MNIST, and the project in a temporary folder to run on it; no test needs a network."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

PROJECT = Path(__file__).parents[1]
NAMES = {"train": 300, "t10k": 60}  # images


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of unsigned bytes in the IDX format."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def tiny_mnist() -> dict[str, np.ndarray]:
    """Noisy pictures of ten rectangles, one for each digit: enough for a network to learn from."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, n in NAMES.items():
        labels = np.arange(n) % 10
        images = random.integers(0, 60, (n, 28, 28))
        for image, digit in zip(images, labels, strict=True):
            image[2 * digit : 2 * digit + 8, 4:24] += 150
        arrays |= {f"{name}-images-idx3-ubyte": images, f"{name}-labels-idx1-ubyte": labels}
    return arrays


@pytest.fixture(scope="session")
def mirror(tmp_path_factory) -> Path:
    """A folder with the four .gz files of the tiny MNIST."""
    folder = tmp_path_factory.mktemp("mirror")
    for name, array in tiny_mnist().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array), mtime=0))
    return folder


def edit_params(folder: Path, changes: dict[str, object]) -> None:
    """Set `section.key` to a value in the params.yaml of `folder`, for each of the changes."""
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        section, name = key.split(".")
        values[section][name] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False))


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in `folder`, with the `python` and the `dvc` of the tests."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(folder: Path, *command: str, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    result = run(folder, *command, **environment)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout + result.stderr


def copy_project(folder: Path, mirror: Path) -> Path:
    """Make `folder` a Git repository of the project's files, with a params.yaml for the tiny MNIST of `mirror`."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (PROJECT / name).is_file() and not name.startswith(("reports/", "dvc.lock", ".github/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    sha256 = {name: hashlib.sha256(idx_bytes(array)).hexdigest() for name, array in tiny_mnist().items()}
    edit_params(
        folder,
        {
            "download.sources": [str(mirror)],
            "download.sha256": sha256,
            "model.hidden_units": [16, 8],
            "train.epochs": 2,
            "train.batch_size": 16,
            "plot.mistakes": 6,
        },
    )
    (folder / ".dvc/tmp").mkdir(parents=True, exist_ok=True)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"], ["git", "commit", "--quiet", "-m", "tiny"]):
        succeed(folder, *command, **AUTHOR)
    return folder


AUTHOR = {f"GIT_{role}_{part}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


@pytest.fixture(scope="session")
def finished(tmp_path_factory, mirror) -> Path:
    """A project on the tiny MNIST after `dvc repro`, committed. Tests that change it take a `project` of their own."""
    folder = copy_project(tmp_path_factory.mktemp("finished"), mirror)
    succeed(folder, "dvc", "repro")
    succeed(folder, "git", "add", "--all", **AUTHOR)
    succeed(folder, "git", "commit", "--quiet", "-m", "results", **AUTHOR)
    return folder


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of the finished project, with its cache."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
