"""Importing this makes the modules of stages/ importable, as they are for a stage: `from common import dataset`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "stages"))
