"""Importing this makes the modules of stages/ importable, as they are for a stage, and the project's own packages.

So a tool can say `from contracts import dataset` and `from reader.reading import digits`.

Imported first, it also lets an interrupt of the other imports be one line.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "stages")]

import common.interrupts  # noqa: E402, F401
