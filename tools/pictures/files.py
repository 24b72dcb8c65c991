"""List the pictures in folders, without the files of systems and programs."""

import glob
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pictures.image import is_picture_name

CLUTTER = re.compile(  # files and folders of macOS, Synology and QNAP, Windows, Linux, editors
    r"\..*|__macosx|@eadir|@tmp|@recycle|#recycle|#snapshot|\$recycle\.bin|system volume information|lost\+found",
    re.IGNORECASE,
)


def natural(name: str) -> tuple:
    """A sort key: 2 comes before 10, and letter case does not matter."""
    return (0, int(name), name) if name.isdecimal() and name.isascii() else (1, name.casefold(), name)


def walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below a folder, in natural order, each with the reason to leave it out, or "".

    A folder to leave out is yielded instead of its files. Links are followed unless they lead in a circle.
    """
    for path in sorted(folder.iterdir(), key=lambda path: natural(path.name)):
        if CLUTTER.fullmatch(path.name):
            yield path, "left here by a system or a program"
        elif not path.is_dir():
            yield path, ""
        elif path.is_symlink() and folder.resolve().is_relative_to(path.resolve()):
            yield path, "a link to a folder around it"
        else:
            yield from walk(path)


def list_pictures(argument: str) -> list[str]:
    """Return the pictures of a path, a folder or a pattern; report how many other files a folder has.

    An argument that matches nothing is returned as it is; opening it reports the error.
    """
    if os.path.isdir(argument):
        files = [str(path) for path, reason in walk(Path(argument)) if not reason]
        pictures = [file for file in files if is_picture_name(file)]
        if len(pictures) < len(files):
            warn(f"{argument}: skipped {len(files) - len(pictures)} of {len(files)} files: not pictures")
        return pictures
    if argument == "-" or os.path.lexists(argument):
        return [argument]
    found = sorted(glob.glob(argument, recursive=True))
    return [file for name in found for file in list_pictures(name)] if found else [argument]


def warn(message: str) -> None:
    print(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr)
