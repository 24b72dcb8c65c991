"""A copy of the project in which the pipeline can run without touching the original."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

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
    Raises PipelineError when `project` is not a Git repository, or its cache is not writable.
    """
    for name in git.tracked_files(project):
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, folder / name)
    configure(project, folder, share_cache)
    return folder


def export(project: Path, commit: str, folder: Path) -> Path:
    """Write the files of a commit to `folder`, a DVC repository of its own without a cache."""
    with zipfile.ZipFile(io.BytesIO(git.git("archive", "--format=zip", commit, folder=project))) as archive:
        archive.extractall(folder)
    configure(project, folder, share_cache=False)
    return folder


def configure(project: Path, folder: Path, share_cache: bool) -> None:
    """Give the copy the project's packed pictures, remotes and perhaps cache, wherever they are configured."""
    from dvc.config import Config  # most of a second

    for own in (project / OWN).glob("*"):
        if own.is_dir():
            (folder / OWN).mkdir(parents=True, exist_ok=True)
            (folder / OWN / own.name).symlink_to(own.resolve(), target_is_directory=True)
    found = Config(dvc_dir=str(project / ".dvc"))
    cache = {"dir": str(project / ".dvc/cache"), **found["cache"]} if share_cache else {}
    if share_cache and os.path.isdir(cache["dir"]) and not os.access(cache["dir"], os.W_OK):
        raise PipelineError(
            f"expected a DVC cache that you may write to, found {cache['dir']}: take one of your own with "
            "`dvc cache dir --local FOLDER` (docs/troubleshooting.md)"
        )
    with Config(dvc_dir=str(folder / ".dvc")).edit("local") as local:
        local["core"] = {"no_scm": True, **{k: v for k, v in found["core"].items() if k == "remote"}}
        local["remote"] = found["remote"]
        local["cache"] = cache


def repro(folder: Path, *arguments: str, python: str = sys.executable) -> None:
    """Run `dvc repro` and let it print. Raises PipelineError when it fails."""
    if subprocess.run([python, "-m", "dvc", "repro", *arguments], cwd=folder, env=environment(python)).returncode:
        raise PipelineError("dvc repro failed: see above")
