"""What tests of killed processes need: wait for something, and see which processes work in a folder."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

LIMIT = 120  # seconds for anything that should come


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
