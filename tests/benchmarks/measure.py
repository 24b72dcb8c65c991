"""What the benchmarks share: run a command and say how long it took and how much memory it needed; print a table."""

import os
import platform
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

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
    peak = [0]

    def watch() -> None:
        while not ended.wait(SAMPLE):
            peak[0] = max(peak[0], anonymous_kilobytes(process.pid))

    ended = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - start
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(seconds, usage.ru_maxrss / 1024, peak[0] / 1024)


def anonymous_kilobytes(pid: int) -> int:
    """Return the memory of a process and its children; what they share counts for each of them."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended, or this is no Linux
        return 0
    own = sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return own + sum(anonymous_kilobytes(int(child)) for child in children)


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
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
