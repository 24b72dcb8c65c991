"""A commit for verify: its packages and its results."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from common.errors import PipelineError
from running import copies, git, lock
from verification import tolerance

REQUIREMENTS = "requirements.txt"


class Commit(NamedTuple):
    hash: str
    short: str
    day: str
    subject: str


class Results(NamedTuple):
    hashes: dict[str, str | None]  # MD5 of each output by its path
    contents: dict[str, bytes]  # of the JSON and CSV files among them, where they are in the folder


def find(project: Path, revision: str) -> Commit:
    """Return the commit of a revision. Raises PipelineError if it does not exist, or there is no repository."""
    git.git("rev-parse", "--git-dir", folder=project)
    command = ["log", "-1", "--no-show-signature", "--format=%H%n%h%n%cs%n%s", f"{revision}^{{commit}}", "--"]
    try:
        shown = git.git(*command, folder=project)
    except PipelineError:
        raise PipelineError(f"{revision} is not a commit of this repository") from None
    return Commit(*shown.decode(errors="replace").rstrip("\n").split("\n", 3))


def find_python(project: Path, commit: Commit, folder: Path, environment: Path) -> str:
    """Return a Python with the packages that the commit in `folder` pins: this one, or that of a new environment."""
    pins = folder / REQUIREMENTS
    if pins.read_bytes() == git.show("HEAD", REQUIREMENTS, project):
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
    """Read the outputs of every pipeline in `folder`: their hashes in dvc.lock, and the tables among them."""
    hashes: dict[str, str | None] = {}
    for file in sorted(folder.rglob("dvc.lock")):
        found = lock.parse(file.read_bytes(), file.with_name("dvc.yaml").read_bytes(), file.parent)
        hashes |= {os.path.relpath(file.parent / path, folder): md5 for path, md5 in lock.outputs(found).items()}
    contents = {}
    for path in hashes:
        for file in [folder / path, *(folder / path).rglob("*")]:
            if file.suffix in tolerance.KINDS and file.is_file():
                contents[file.relative_to(folder).as_posix()] = file.read_bytes()
    return Results(hashes, contents)
