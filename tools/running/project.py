"""What all tools do first: work in the project's folder, whatever folder they are called from."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path

from common import errors

PROJECT = Path(__file__).resolve().parents[2]
_called_from = Path()


def run(main: Callable[[], None]) -> None:
    """Call `main` in the project's folder; it ends as `common.errors.run` describes."""

    def in_project() -> None:
        global _called_from
        _called_from = Path.cwd()
        os.chdir(PROJECT)
        name_user()
        main()

    errors.run(in_project)


def given(path: str) -> Path:
    """Return a path that the user gave, which is relative to the folder that the tool was called from."""
    return _called_from / path


def name_user() -> None:
    """Give a user id without an account, as containers have it, a name: DVC fails without one."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"uid{os.getuid()}"
