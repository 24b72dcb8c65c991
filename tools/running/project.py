"""The start of every tool: work in the project's folder, whatever folder it is called from."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path

from common import errors

PROJECT = Path(__file__).resolve().parents[2]
CALLED_FROM = Path.cwd()


def run(main: Callable[[], None]) -> None:
    """Call `main` in the project's folder; it ends as `common.errors.run` describes."""
    os.chdir(PROJECT)
    name_user()
    errors.run(main)


def given(path: str) -> Path:
    """Return a path that the user gave, which is relative to the folder that the tool was called from."""
    return CALLED_FROM / path


def name_user() -> None:
    """Give a user id without an account, as containers have it, a name: DVC fails without one."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"uid{os.getuid()}"
