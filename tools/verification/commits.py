"""A commit for verify: its packages, its results, and whether its dvc.lock matches its files."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from common.errors import PipelineError
from running import copies
from running.git import git

REQUIREMENTS = "requirements.txt"


class Commit(NamedTuple):
    hash: str
    day: str
    subject: str

    @property
    def short(self) -> str:
        return self.hash[:7]


class Results(NamedTuple):
    hashes: dict[str, str | None]  # MD5 of each output by its path; None if there is no such file
    contents: dict[str, bytes]  # of the outputs in Git


def find(project: Path, revision: str) -> Commit:
    """Return the commit of a revision. Raises PipelineError if it does not exist, or there is no repository."""
    git("rev-parse", "--git-dir", folder=project)
    command = ["log", "-1", "--no-show-signature", "--format=%H%n%cs%n%s", f"{revision}^{{commit}}", "--"]
    try:
        shown = git(*command, folder=project)
    except PipelineError:
        raise PipelineError(f"{revision} is not a commit of this repository") from None
    return Commit(*shown.decode(errors="replace").rstrip("\n").split("\n", 2))


def find_python(project: Path, commit: Commit, folder: Path, environment: Path) -> str:
    """Return a Python with the packages that the commit in `folder` pins: this one, or that of a new environment.

    Raises PipelineError when uv is missing or cannot install them.
    """
    pins = folder / REQUIREMENTS
    if pins.read_bytes() == git("show", f"HEAD:./{REQUIREMENTS}", folder=project):
        return sys.executable
    uv = shutil.which("uv", path=copies.environment()["PATH"])
    if uv is None:
        raise PipelineError(f"{commit.short} pins other packages than HEAD, and uv, which installs them, is missing")
    print(f"verify: installing the packages of {commit.short}", flush=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    commands: list[list[str | Path]] = [
        ["venv", "--python", sys.executable, environment],
        ["pip", "sync", "--require-hashes", "--python", python, pins],
    ]
    for command in commands:
        result = subprocess.run([uv, *command, "--quiet"], capture_output=True, text=True)
        if result.returncode:
            raise PipelineError(f"uv cannot install the packages of {commit.short}: {' '.join(result.stderr.split())}")
    return str(python)


def read_results(folder: Path) -> Results:
    """Read the outputs of every pipeline in `folder`: the hashes of dvc.lock, and for results in Git the files."""
    from dvc.repo import Repo  # most of a second

    hashes: dict[str, str | None] = {}
    contents = {}
    with Repo(str(folder)) as repo:
        for out in repo.index.outs:
            path = Path(out.fs_path)
            if out.use_cache:
                hashes[path.relative_to(folder).as_posix()] = out.hash_info.value if out.hash_info else None
                continue
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                name = file.relative_to(folder).as_posix()
                if file.is_file():
                    contents[name] = file.read_bytes()
                    hashes[name] = hashlib.md5(contents[name], usedforsecurity=False).hexdigest()
                elif not file.exists():
                    hashes[name] = None
    return Results(hashes, contents)


def find_stale(folder: Path) -> list[str]:
    """Return the files, parameters and stages in `folder`, a checkout without a cache, that differ from dvc.lock.

    Raises PipelineError when DVC cannot read it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with contextlib.chdir(folder):
        try:
            with Repo() as repo:
                status = repo.status()
                cached = [str(out) for out in repo.index.outs if out.use_cache]
                folders = {str(parent) for out in repo.index.outs for parent in Path(str(out)).parents}
        except DvcException as error:
            raise PipelineError(f"DVC cannot read this commit: {' '.join(str(error).split())}") from None
    found = set()
    for stage, changes in status.items():
        for change in changes:
            if not isinstance(change, dict):
                found.add(stage)  # another command
                continue
            for path, state in [item for items in change.values() for item in items.items()]:
                if isinstance(state, dict):
                    found |= {f"{path}: {key}" for key in state}
                elif path not in folders and not any(Path(path).is_relative_to(out) for out in cached):
                    found.add(path)
    return sorted(found)
