"""Git as tools and tests start it: neither a hook's variables nor the user's configuration reach it."""

import os
import subprocess

import pytest

from common.errors import PipelineError
from fixtures import commit, isolate_git, succeed
from running import copies, git


@pytest.fixture
def users(tmp_path):
    """A repository of the user's with one commit, whose hook has started the tests."""
    folder = tmp_path / "users"
    folder.mkdir()
    (folder / "results.csv").write_text("1\n")
    succeed(folder, "git", "init", "--quiet")
    commit(folder, "results")
    return folder


@pytest.mark.parametrize(
    ("variables", "config"),
    [
        ({"GIT_DIR": "{users}/.git", "GIT_WORK_TREE": "{users}", "GIT_INDEX_FILE": "{users}/.git/index"}, ""),
        ({}, "[commit]\ngpgsign = true\n[user]\nsigningkey = DEADBEEF\n[core]\nexcludesFile = {users}/ignored\n"),
    ],
)
def test_a_test_commits_to_its_own_repository_with_its_own_configuration(users, tmp_path, variables, config):
    before = succeed(users, "git", "log", "--all", "--raw"), (users / ".git/index").read_bytes()
    (users / "ignored").write_text("*.csv\n")
    (tmp_path / "gitconfig").write_text(config.format(users=users))
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
    environment |= {name: value.format(users=users) for name, value in variables.items()}
    isolate_git(environment)
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.csv").touch()
    for command in ("init --quiet", "add --all", "commit --quiet -m own"):
        subprocess.run(["git", *command.split()], cwd=own, env=environment, check=True)
    assert git.tracked_files(own) == ["a.csv"]
    assert before == (succeed(users, "git", "log", "--all", "--raw"), (users / ".git/index").read_bytes())
    assert succeed(users, "git", "config", "core.bare") == "false\n"


def test_a_tool_in_a_hook_asks_the_repository_of_its_folder(users, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    succeed(own, "git", "init", "--quiet")
    for name in git.HOOK:
        monkeypatch.setenv(name, str(users / ".git"))
    assert git.git("rev-parse", "--show-toplevel", folder=own).decode().strip() == str(own)
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
