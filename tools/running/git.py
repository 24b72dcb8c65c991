"""Start Git: return its output, or raise its message in one line."""

import os
import subprocess
from pathlib import Path

from common.errors import PipelineError

# Git sets these for its hooks; they would point every Git started from there at the hook's repository or index.
HOOK = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}  # fmt: skip


def environment() -> dict[str, str]:
    """Return the environment without the variables of a Git hook: the current folder decides on the repository."""
    return {name: value for name, value in os.environ.items() if name not in HOOK}


def git(*arguments: str, folder: Path | None = None) -> bytes:
    """Return what Git prints in `folder`, by default the current one. Raises PipelineError when it fails."""
    result = subprocess.run(["git", *arguments], cwd=folder, env=environment(), capture_output=True, check=False)
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {result.returncode}"]
        clone = "; this needs a clone of the project, an archive of it will not do" if "not a git" in lines[0] else ""
        raise PipelineError(f"git {arguments[0]}: {lines[0].removeprefix('fatal: ')}{clone}")
    return result.stdout


def show(commit: str, path: Path | str, folder: Path | None = None) -> bytes | None:
    """Return a file of `folder`, by default the current one, as a commit holds it; None if it has no such file."""
    try:
        return git("show", f"{commit}:./{Path(path).as_posix()}", folder=folder)
    except PipelineError:
        return None


def tracked_files(folder: Path) -> list[str]:
    """Return the files that Git tracks under `folder`, relative to it. Raises PipelineError without a repository."""
    return [name for name in git("ls-files", "-z", folder=folder).decode().split("\0") if name]
