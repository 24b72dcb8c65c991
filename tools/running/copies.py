"""A copy of the project in which the pipeline can run without touching the original."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from common.errors import PipelineError


def environment() -> dict[str, str]:
    """Return the environment with the running `python` and its `dvc` first, even if nobody has activated it."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def copy(project: Path, folder: Path, cache: Path | None = None) -> Path:
    """Copy the files that Git tracks, as they are in the working tree, to `folder`, a DVC repository of its own.

    cache: the DVC cache to share; without it the copy has none, and everything in it runs from nothing.
    Raises PipelineError when `project` is no Git repository.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True)
    if listed.returncode:
        raise PipelineError(f"{project} is not a Git repository: clone the project, an archive of it will not do")
    for name in filter(None, listed.stdout.split("\0")):
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, folder / name)
    settings = "[core]\n    no_scm = true\n" + (f"[cache]\n    dir = {cache}\n" if cache else "")
    (folder / ".dvc/config.local").write_text(settings, encoding="utf-8")
    return folder


def set_param(folder: Path, section: str, key: str, value: object) -> None:
    """Change one value of the params.yaml in `folder`."""
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values[section][key] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def repro(folder: Path, *arguments: str, quiet: bool = True) -> None:
    """Run `dvc repro`. Raises PipelineError with the last line of what it said when it fails."""
    result = subprocess.run(
        ["dvc", "repro", *arguments], cwd=folder, env=environment(), capture_output=quiet, text=True
    )
    if result.returncode:
        said = (result.stderr or "see above").strip().splitlines()
        raise PipelineError(f"dvc repro failed: {said[-1]}")
