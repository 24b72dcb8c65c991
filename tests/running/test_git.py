"""Git as tools and tests start it: neither a hook's variables nor the user's configuration reach it."""

import os
import subprocess

import pytest

from common.errors import PipelineError
from fixtures import commit, isolate_git, succeed
from running import copies, git

DUBIOUS = """fatal: detected dubious ownership in repository at '/srv/digits'
To add an exception for this directory, call:

\tgit config --global --add safe.directory /srv/digits
"""
# How Git tests itself for another owner of a folder, with no exception for it.
FOREIGN = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_COUNT": "0"}


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


def test_a_repository_of_another_owner_is_one_line_with_the_cure(tmp_path, monkeypatch):
    message = git.explain("show", 128, DUBIOUS)
    assert message.startswith("Git takes the repository for someone else's (dubious ownership)")
    assert message.endswith("`git config --global --add safe.directory /srv/digits`")
    succeed(tmp_path, "git", "init", "--quiet")
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PipelineError, match="safe.directory"):
        copies.copy(tmp_path, tmp_path / "copy")


def test_another_fault_is_the_first_line_of_the_message(tmp_path, monkeypatch):
    assert git.explain("show", 128, "\nfatal: bad revision 'x'\nmore\n") == "git show: bad revision 'x'"
    assert git.explain("show", 1, "") == "git show: exit status 1"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PipelineError, match="not a git repository.*an archive of it will not do"):
        copies.copy(tmp_path, tmp_path / "copy")
