"""A copy of the project in which the pipeline can run without touching the original."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from running import git

OWN = "data/own"  # packed pictures, which Git does not track
DVC = [sys.executable, "-m", "dvc"]


def environment(python: str = sys.executable) -> dict[str, str]:
    """Return the environment with `python`, the running one, and its `dvc` first, without the variables of a Git hook.

    A mirror in the current folder gets its whole path, because a copy runs elsewhere.
    """
    mirror = Path(os.environ.get("MNIST_MIRROR") or "/nowhere")
    found = {"MNIST_MIRROR": str(mirror.resolve())} if mirror.exists() else {}
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    return {**git.environment(), **found, "PATH": path}


def copy(project: Path, folder: Path, share_cache: bool = False) -> Path:
    """Copy the files that Git tracks, as they are in the working tree, to `folder`, a DVC repository of its own.

    share_cache: use the project's DVC cache; otherwise the copy's cache is empty, and every stage runs.
    Raises PipelineError when `project` is not a Git repository.
    """
    for name in git.tracked_files(project):
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, folder / name)
    configure(project, folder, cache_settings(project) if share_cache else {})
    return folder


def export(project: Path, commit: str, folder: Path) -> Path:
    """Write the files of a commit to `folder`, a DVC repository of its own without a cache."""
    with zipfile.ZipFile(io.BytesIO(git.git("archive", "--format=zip", commit, folder=project))) as archive:
        archive.extractall(folder)
    configure(project, folder, {})
    return folder


def configure(project: Path, folder: Path, cache: Mapping[str, Any]) -> None:
    """Give the copy the project's packed pictures, its remotes (those of config.local too), the cache, and no Git."""
    from dvc.config import Config  # most of a second

    for own in (project / OWN).glob("*"):
        if own.is_dir():
            (folder / OWN).mkdir(parents=True, exist_ok=True)
            (folder / OWN / own.name).symlink_to(own.resolve(), target_is_directory=True)
    remotes = Config(dvc_dir=str(project / ".dvc"))
    with Config(dvc_dir=str(folder / ".dvc")).edit("local") as local:
        local["core"] = {"no_scm": True, **{k: v for k, v in remotes["core"].items() if k == "remote"}}
        local["remote"] = remotes["remote"]
        local["cache"] = dict(cache)


def cache_settings(project: Path) -> dict[str, Any]:
    """Return where the DVC cache of `project` is and how files are linked to it, wherever that was configured.

    Raises PipelineError when its cache is not writable.
    """
    from dvc.repo import Repo  # most of a second

    with Repo(str(project)) as repo:
        settings, folder = repo.config["cache"], repo.cache.local_cache_dir
    if os.path.isdir(folder) and not os.access(folder, os.W_OK):
        raise PipelineError(
            f"expected a DVC cache that you may write to, found {folder}: take one of your own with "
            "`dvc cache dir --local FOLDER` (docs/troubleshooting.md)"
        )
    return {"dir": folder} | {name: settings[name] for name in ("type", "shared") if settings.get(name)}


def repro(folder: Path, *arguments: str, python: str = sys.executable) -> None:
    """Run `dvc repro` and let it print. Raises PipelineError when it fails."""
    if subprocess.run([python, "-m", "dvc", "repro", *arguments], cwd=folder, env=environment(python)).returncode:
        raise PipelineError("dvc repro failed: see above")
