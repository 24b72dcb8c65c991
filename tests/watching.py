"""What tests of killed processes need: start a command, wait for something, see which processes work in a folder."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from fixtures import tools_environment

LIMIT = 120  # seconds for anything that should come


def start(project: Path, *command: str, **environment: str) -> subprocess.Popen:
    """Start a command in a process group of its own; both of its outputs are `stdout`."""
    return subprocess.Popen(
        command,
        cwd=project,
        env=tools_environment(**{"PYTHONUNBUFFERED": "1", **environment}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen) -> str:
    """Wait for the end of a command and of all that it started; return what is left of its output."""
    text = process.communicate(timeout=LIMIT)[0]
    assert "Traceback" not in text, text
    return text


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition is true; fail after LIMIT seconds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


def processes_below(folder: Path) -> list[str]:
    """Return the commands whose working folder lies below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def trainings(folder: Path) -> int:
    """Return the number of trainings below a folder."""
    return sum(command.startswith("python stages/train.py") for command in processes_below(folder))
