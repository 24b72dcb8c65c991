"""Git as tools start it, without the variables of a hook."""

import pytest

from common.errors import PipelineError
from fixtures import succeed
from running import copies, git


def test_a_tool_in_a_hook_asks_the_repository_of_its_folder(tmp_path, monkeypatch):
    for name in ("own", "users"):
        (tmp_path / name).mkdir()
        succeed(tmp_path / name, "git", "init", "--quiet")
    for name in git.HOOK:
        monkeypatch.setenv(name, str(tmp_path / "users/.git"))
    assert git.git("rev-parse", "--show-toplevel", folder=tmp_path / "own").decode().strip() == str(tmp_path / "own")
    assert not git.HOOK & copies.environment().keys()


def test_a_folder_that_git_refuses_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PipelineError, match="^git ls-files: not a git repo.*; this needs a clone of the project, .*$"):
        copies.copy(tmp_path, tmp_path / "copy")
    succeed(tmp_path, "git", "init", "--quiet")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # with which Git tests itself
    monkeypatch.setenv("GIT_CONFIG_COUNT", "0")
    with pytest.raises(PipelineError, match="^git ls-files: detected dubious ownership in repository .*$"):
        copies.copy(tmp_path, tmp_path / "copy")
