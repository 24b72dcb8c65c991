"""What the benchmarks share: time a command, print a table, name the machine."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import running.project  # noqa: F401

from tabulate import tabulate

from running import hardware

PROJECT = Path(__file__).parents[2]


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> float:
    """Run a command that must succeed; return its seconds of wall time. Raises CalledProcessError."""
    start = perf_counter()
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print(f"\n{title}\n{tabulate(rows, head, tablefmt='plain', floatfmt='.2f')}", flush=True)


def machine() -> str:
    """Name what the figures depend on most: even ratios differ from one kind of CPU to another."""
    return f"{hardware.describe()}, Python {platform.python_version()}"
