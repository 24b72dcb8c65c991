"""Who may write in a folder; tests/test_killed.py has the same with stages that are killed."""

import errno
import fcntl
import importlib
import os
import shutil

import numpy as np
import pytest
from filelock import Timeout

from common import lock
from common.errors import PipelineError
from common.files import atomic_write
from fixtures import PROJECT


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/train.py"])
    (tmp_path / "params.yaml").touch()


def is_free() -> bool:
    with (lock.FOLDER / "stage").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_lock_is_held_for_the_time_of_the_block_and_names_its_holder(capsys):
    with lock.exclusive("stage"):
        assert not is_free()
        assert f"train, process {os.getpid()}, since " in (lock.FOLDER / "stage.holder").read_text()
    assert is_free()
    assert (lock.FOLDER / "stage.holder").read_text() == ""
    assert capsys.readouterr().err == ""


def test_locks_of_other_names_are_free_and_one_is_given_back_after_an_error():
    with pytest.raises(ZeroDivisionError), lock.exclusive("stage"), lock.exclusive("seeds"):
        assert not is_free()
        raise ZeroDivisionError
    assert is_free()


class Waiting(Exception):
    pass


class Held:
    """A lock that another process holds; waiting for it raises Waiting."""

    def __init__(self, _):
        pass

    def acquire(self, timeout=-1):
        raise Timeout("held") if timeout == 0 else Waiting

    def release(self):
        pass


@pytest.mark.parametrize(
    "command", ["seeds 2", "sweep train.epochs=1,2", "recipe ten_epochs", "pack_images o.npz mine"]
)
def test_a_second_study_or_packing_waits_for_the_first(command, tmp_path, monkeypatch, capsys):
    name, *arguments = command.split()
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    shutil.copytree(PROJECT / "recipes", tmp_path / "recipes")
    images, labels = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8), np.arange(8) % 2
    np.savez(tmp_path / "o.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    module = importlib.import_module(name)
    monkeypatch.setattr("sys.argv", [f"{name}.py", *arguments])
    monkeypatch.setattr(lock, "FileLock", Held)
    monkeypatch.setattr(module, "PROJECT", tmp_path, raising=False)
    with pytest.raises(Waiting):
        module.main()
    assert capsys.readouterr().err.startswith(f"{name}: waiting for the end of another process, which runs in this f")


def test_another_folder_than_the_projects_gets_no_lock(tmp_path):
    (tmp_path / "params.yaml").unlink()
    with lock.exclusive("stage"):
        assert not lock.FOLDER.exists()


def test_a_file_system_without_locks_is_reported_and_no_obstacle(monkeypatch, capsys):
    def no_locks(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with lock.exclusive("stage"):
        pass
    assert capsys.readouterr().err == ("train: .locks cannot be locked (No locks available); run one at a time here\n")


def test_nothing_is_saved_once_the_dvc_that_started_the_stage_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PARENTS", [os.getppid()])
    with atomic_write(tmp_path / "a") as part:
        part.write_text("new")
    monkeypatch.setattr(lock, "PARENTS", [os.getpid()])  # as if another process had started this one
    with pytest.raises(PipelineError, match="dvc has ended and left this stage alone"), atomic_write(part) as another:
        another.write_text("newer")
    with pytest.raises(PipelineError, match="dvc has ended"), lock.exclusive("stage"):
        pytest.fail("got the lock")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".locks", "a", "params.yaml"]
    assert (tmp_path / "a").read_text() == "new"
