"""Start Git: return its output, or raise one line that says what is wrong and what to do."""

import os
import re
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
        raise PipelineError(explain(arguments[0], result.returncode, result.stderr.decode(errors="replace")))
    return result.stdout


def explain(command: str, status: int, message: str) -> str:
    """Return Git's message in one line; where Git distrusts a folder's owner, with the command that Git suggests."""
    if cure := re.search(r"git config --global --add safe\.directory .+", message):
        return f"Git takes the repository for someone else's (dubious ownership); if it is yours: `{cure[0].strip()}`"
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [f"exit status {status}"]
    clone = "; this needs a clone of the project, an archive of it will not do" if "not a git repo" in message else ""
    return f"git {command}: {lines[0].removeprefix('fatal: ')}{clone}"


def tracked_files(folder: Path) -> list[str]:
    """Return the files that Git tracks under `folder`, relative to it. Raises PipelineError without a repository."""
    return [name for name in git("ls-files", "-z", folder=folder).decode().split("\0") if name]
