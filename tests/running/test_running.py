"""Copies of the project, DVC's cache, and the folder that tools work in."""

import os
from pathlib import Path

import pytest

from common.errors import PipelineError
from fixtures import AUTHOR, succeed
from running import copies
from running import project as projects


def test_a_mirror_in_the_current_folder_is_found_from_a_copy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mirror").mkdir()
    for given, expected in [("mirror", f"{tmp_path}/mirror"), ("https://example.org", "https://example.org"), ("", "")]:
        monkeypatch.setenv("MNIST_MIRROR", given)
        assert copies.environment()["MNIST_MIRROR"] == expected


def test_a_cache_of_another_user_is_one_line_with_the_cure(tmp_path, monkeypatch):
    succeed(tmp_path, "git", "init", "--quiet")
    (tmp_path / ".dvc/cache").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PipelineError, match="expected a DVC cache that you may write to.*dvc cache dir --local"):
        copies.copy(tmp_path, tmp_path / "copy", share_cache=True)


def test_a_copy_sees_the_packed_pictures_that_git_does_not_track(tmp_path):
    project = tmp_path / "project"
    for name in (".dvc/config", "data/own/.gitignore", "data/own/mine/train-images-idx3-ubyte"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("*\n!.gitignore\n" if name.endswith(".gitignore") else "")
    succeed(project, "git", "init", "--quiet")
    succeed(project, "git", "add", "--all", **AUTHOR)
    copy = copies.copy(project, tmp_path / "copy")
    assert (copy / "data/own/mine/train-images-idx3-ubyte").is_file()
    assert succeed(project, "git", "ls-files").split() == [".dvc/config", "data/own/.gitignore"]


def test_a_path_is_relative_to_the_folder_that_a_tool_was_called_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    monkeypatch.setattr(projects, "CALLED_FROM", tmp_path)
    monkeypatch.setattr(projects, "PROJECT", tmp_path.parent)
    projects.run(lambda: found.extend([Path.cwd(), projects.given("a.png"), projects.given("/b.png")]))
    assert found == [tmp_path.parent, tmp_path / "a.png", Path("/b.png")]


def test_a_user_id_without_an_account_gets_a_name_for_dvc(monkeypatch):
    def no_account() -> None:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setenv("LOGNAME", "set by the test, to be restored")
    monkeypatch.setattr(projects.getpass, "getuser", no_account)
    monkeypatch.setattr(projects, "PROJECT", Path())
    projects.run(lambda: None)
    assert os.environ["LOGNAME"] == f"uid{os.getuid()}"
