"""Git, as tools ask it: what it prints, or one line on what is wrong and what to do."""

import re
import subprocess
from pathlib import Path

from common.errors import PipelineError


def git(*arguments: str, folder: Path | None = None) -> bytes:
    """Return what Git prints in `folder`, the current one without it. Raises PipelineError when it fails."""
    result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if result.returncode:
        raise PipelineError(explain(arguments[0], result.returncode, result.stderr.decode(errors="replace")))
    return result.stdout


def explain(command: str, status: int, told: str) -> str:
    """Return one line of what Git told: where it distrusts the owner of a folder, with the cure that it names."""
    if cure := re.search(r"git config --global --add safe\.directory .+", told):
        return f"Git takes the repository for someone else's (dubious ownership); if it is yours: `{cure[0].strip()}`"
    lines = [line.strip() for line in told.splitlines() if line.strip()] or [f"exit status {status}"]
    return f"git {command}: {lines[0].removeprefix('fatal: ')}"


def tracked_files(folder: Path) -> list[str]:
    """Return the files that Git tracks under `folder`, relative to it. Raises PipelineError without a repository."""
    return [name for name in git("ls-files", "-z", folder=folder).decode().split("\0") if name]


def is_partial(folder: Path | None = None) -> bool:
    """Say whether Git fetches the content of older commits only when it is asked for (`git clone --filter`)."""
    try:
        return bool(git("config", "--get-regexp", r"^remote\..*\.promisor$", folder=folder))
    except PipelineError:  # no such key
        return False
