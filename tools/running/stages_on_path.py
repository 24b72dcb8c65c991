"""Importing this makes the modules of stages/ importable, as they are for a stage: `from common import dataset`.

Imported first, it also lets an interrupt of the other imports be one line.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "stages"))

import common.interrupts  # noqa: E402, F401
