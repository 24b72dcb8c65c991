"""What the benchmarks share: run a command and say how long it took and how much memory it needed; print a table."""

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import running.stages_on_path  # noqa: F401

from running import hardware

PROJECT = Path(__file__).parents[2]
SAMPLE = 0.02  # seconds between two looks at the memory


class Usage(NamedTuple):
    seconds: float  # wall time
    resident: float  # MB, the peak of its largest process, pages of memory-mapped files included
    anonymous: float  # MB, the peak of all its processes without such pages, which the kernel can take back


def run(command: Sequence[str], folder: Path, **environment: str) -> Usage:
    """Run a command that must succeed and measure it. Raises CalledProcessError."""
    start = perf_counter()
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    peaks = (0, 0)

    def watch() -> None:
        nonlocal peaks
        while not ended.wait(SAMPLE):
            peaks = tuple(map(max, peaks, kilobytes(process.pid)))

    ended = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    seconds = perf_counter() - start
    ended.set()
    watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(seconds, *(peak / 1024 for peak in peaks))


def kilobytes(pid: int) -> tuple[int, int]:
    """Return two figures of a process and its children: the peak so far of the largest, and what all have without maps.

    What they share counts for each of them. The peak is not that of `wait4`, which begins at what the parent had.
    """
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended, or this is no Linux
        return 0, 0
    own = (int(status.get(name, "0 kB").split()[0]) for name in ("VmHWM", "RssAnon"))  # one that is ending has neither
    peaks, anonymous = zip(own, *(kilobytes(int(child)) for child in children), strict=True)
    return max(peaks), sum(anonymous)


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; the first column to the left, numbers after it to the right."""
    cells = [list(head), *([show(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for row in cells:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *rest]), flush=True)


def show(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def machine() -> str:
    """Say what the figures depend on most: ratios too differ from one kind of CPU to another."""
    return f"{hardware.describe()}, Python {platform.python_version()}"
