"""A tiny MNIST, and the project in a temporary folder to run on it; no test needs a network."""

import contextlib
import gzip
import hashlib
import importlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock

from common.params import Model, Train
from contracts.dataset import Split
from running import copies
from running.git import git

PROJECT = Path(__file__).parents[1]
NAMES = {"train": 300, "t10k": 60}  # images
STAGES = ["check", "download", "normalize", "eda", "train", "evaluate", "plot", "report"]  # without a user's own

AUTHOR = {f"GIT_{role}_{part}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
# No signatures, hooks or ignored files of the user's; a checkout that belongs to another user is tested all the same.
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


def isolate_git(environment: MutableMapping[str, str]) -> None:
    """Replace everything that a hook or the user has set for Git by the configuration and the author of the tests."""
    for name in [name for name in environment if name.startswith("GIT_")]:
        del environment[name]
    environment.update(GIT | AUTHOR)


isolate_git(os.environ)  # before any test starts Git, or DVC, which starts it too

# What runs in the background may ignore Ctrl-C, and what it starts inherits that; some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    return {name: array.astype(np.uint8) for name, array in arrays.items()}


IMAGES, LABELS = (tiny_mnist()[f"t10k-{kind}-ubyte"][:50] for kind in ("images-idx3", "labels-idx1"))
SPLIT = Split((IMAGES / 255).astype(np.float32), LABELS.astype(np.uint8))
PARAMETERS = yaml.safe_load((PROJECT / "params.yaml").read_text())  # a new one has the project's value in all tests
SMALL = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "augmentation": "none",
    "augmentation_strength": [1.0, 1.0],
    "seed": 0,
}
SETTINGS = Train(**PARAMETERS["train"] | SMALL)


def dense(*hidden_units: int) -> Model:
    """The settings of a network of dense layers alone."""
    return Model(**PARAMETERS["model"] | {"convolutions": [], "hidden_units": [*hidden_units]})


def changed(**values) -> Train:
    """SETTINGS with these values instead."""
    return SETTINGS.model_copy(update=values)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the finished project first: one worker makes it while the others run the rest; quick ones last.

    So no worker waits for a slow test in the end.
    """
    finished = {"finished", "finished_light"}

    def place(item: pytest.Item) -> tuple[bool, bool]:
        return not finished & {*getattr(item, "fixturenames", ())}, item.get_closest_marker("slow") is None

    items.sort(key=place)


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder `name`, which the first worker of pytest-xdist fills with `make` while the others wait."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose base is a folder of its own in that of the session
        shared = shared.parent
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def mirror(tmp_path_factory) -> Path:
    """A folder with the four .gz files of the tiny MNIST."""

    def make(folder: Path) -> None:
        for name, array in tiny_mnist().items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array), mtime=0))

    return make_once(tmp_path_factory, "mirror", make)


def edit_params(folder: Path, changes: dict[str, object], file: str = "params.yaml") -> None:
    """Set `section.key` to a value in a params.yaml of `folder`, for each of the changes."""
    path = folder / file
    values = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        section, name = key.split(".")
        values[section][name] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False))


def tools_environment(**changes: str) -> dict[str, str]:
    """The environment of a command: the `python` and `dvc` of the tests come first.

    No bytecode is left behind, and no `dvc` reports to its makers, which takes a process and a network.
    """
    return {**copies.environment(), "PYTHONDONTWRITEBYTECODE": "1", "DVC_NO_ANALYTICS": "1", **changes}


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in `folder`, with the `python` and the `dvc` of the tests."""
    return subprocess.run(command, cwd=folder, env=tools_environment(**environment), capture_output=True, text=True)


def succeed(folder: Path, *command: str, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    result = run(folder, *command, **environment)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout + result.stderr


def copy_project(folder: Path, mirror: Path) -> Path:
    """Make `folder` a Git repository of the project's files, with a params.yaml for the tiny MNIST of `mirror`."""
    copies.copy(PROJECT, folder)
    for name in filter(
        None, git("ls-files", "-z", "--others", "--exclude-standard", folder=PROJECT).decode().split("\0")
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)  # a new stage is tested before `git add`, too
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".dvc/config.local").unlink()
    (folder / "dvc.lock").unlink()
    shutil.rmtree(folder / "reports")
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
    succeed(folder, "git", "init", "--quiet")
    commit(folder, "tiny")
    return folder


def commit(folder: Path, subject: str) -> None:
    """Commit all files of `folder`, changed or not."""
    succeed(folder, "git", "add", "--all")
    succeed(folder, "git", "commit", "--quiet", "--allow-empty", "-m", subject)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, mirror) -> Path:
    """A project on the tiny MNIST after all stages, committed; all workers read it.

    The stages run in this process, which has imported what they need, unless a user has added some, which DVC puts in
    order; tests/test_declared.py runs each as DVC does, and expects the same bytes. Tests that change the project, or
    run DVC or Git in it, which write even to look, take a `project` of their own.
    """

    def make(folder: Path) -> None:
        copy_project(folder, mirror)
        if {*yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]} == {*STAGES}:
            with contextlib.chdir(folder):
                for stage in STAGES:
                    importlib.import_module(stage).main()
            succeed(folder, "dvc", "commit", "--force")
        else:
            succeed(folder, "dvc", "commit", "--force", "reader/dvc.yaml:reader")  # no test waits for its training
            succeed(folder, "dvc", "repro")
        commit(folder, "results")

    return make_once(tmp_path_factory, "finished", make)


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of the finished project, with its cache."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="session")
def finished_light(tmp_path_factory, mirror) -> Path:
    """A finished project with tests/stand_in in the place of its network and its figures."""

    def make(folder: Path) -> None:
        copy_project(folder, mirror)
        shutil.copytree(PROJECT / "tests/stand_in", folder / "stages", dirs_exist_ok=True)
        shutil.copy(folder / "stages/plot.py", folder / "stages/report.py")
        pipeline = yaml.safe_load((folder / "dvc.yaml").read_text())
        pipeline["stages"] = {name: stage for name, stage in pipeline["stages"].items() if name in STAGES}
        (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
        shutil.copytree(folder / "reader/results", folder / "reader/committed")
        restore = 'import shutil\n\nshutil.copytree("reader/committed", "reader/results", dirs_exist_ok=True)\n'
        (folder / "reader/train_reader.py").write_text(restore)
        succeed(folder, "python", str(PROJECT / "tests/run_stages.py"), *STAGES)
        succeed(folder, "dvc", "commit", "--force")
        commit(folder, "light")

    return make_once(tmp_path_factory, "finished_light", make)


@pytest.fixture
def light(finished_light, tmp_path) -> Path:
    """A project for tests of what starts stages: train, evaluate and plot take two seconds, with TensorFlow twenty."""
    return Path(shutil.copytree(finished_light, tmp_path / "project", symlinks=True))


@contextlib.contextmanager
def training_held(fifo: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which the training of `light` waits until the block ends."""
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDWR)
    try:
        yield {"HOLD": str(fifo)}
    finally:
        fifo.unlink()  # whoever starts later does not wait
        os.close(end)


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator:
    """One headless Chromium for all tests, which begin by loading a page of their own; skips where there is none."""
    from browser import open_browser  # and Selenium with it, which most tests need not wait for

    with open_browser(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome
