"""The start of every tool: it finds the modules of stages/, as a stage does, and works in the project's folder.

Imported first, this also lets an interrupt of the other imports be one line.
"""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CALLED_FROM = Path.cwd()
sys.path[:0] = [str(PROJECT), str(PROJECT / "stages")]

from common import errors  # noqa: E402


def run(main: Callable[[], None]) -> None:
    """Call `main` in the project's folder; it ends as `common.errors.run` describes."""
    os.chdir(PROJECT)
    try:
        getpass.getuser()
    except (KeyError, OSError):  # a user id without an account, as containers have it: DVC needs a name
        os.environ["LOGNAME"] = f"uid{os.getuid()}"
    errors.run(main)


def given(path: str) -> Path:
    """Return a path that the user gave, which is relative to the folder that the tool was called from."""
    return CALLED_FROM / path
