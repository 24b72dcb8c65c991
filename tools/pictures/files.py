"""The picture files that an argument of a command stands for, and their content."""

import glob
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from common.errors import PipelineError
from pictures.image import is_picture_name

MAX_BYTES = 200_000_000  # of one file
CLUTTER = re.compile(  # macOS, Synology and QNAP, Windows, Linux, editors
    r"\..*|__macosx|icon\r|@eadir|@tmp|@recycle|#recycle|#snapshot|\$recycle\.bin|system volume information|"
    r"(eh)?thumbs\.db|desktop\.ini|picasa\.ini|lost\+found|__pycache__|.*~",
    re.IGNORECASE,
)


def natural(name: str) -> tuple:
    """A sort key: 2 comes before 10, and letter case does not matter."""
    return (0, int(name), name) if name.isdecimal() and name.isascii() else (1, name.casefold(), name)


def is_clutter(name: str) -> bool:
    """Return whether a file or folder of this name belongs to a system or program, not to the user's pictures."""
    return CLUTTER.fullmatch(name) is not None


def walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below a folder, in natural order, each with the reason to leave it out or "".

    A folder to leave out is yielded in place of its files. Links are followed unless they lead in a circle.
    """
    for path in sorted(folder.iterdir(), key=lambda path: natural(path.name)):
        if is_clutter(path.name):
            yield path, "left here by a system or a program"
        elif not path.is_dir():
            yield path, ""
        elif path.is_symlink() and folder.resolve().is_relative_to(path.resolve()):
            yield path, "a link to a folder around it"
        else:
            yield from walk(path)


def list_pictures(argument: str) -> tuple[list[str], int]:
    """Return the files that a path, a folder or a pattern stands for, and the number of other files in folders.

    A path or pattern without a file stands for itself, so that opening it fails.
    """
    if os.path.isdir(argument):
        files = [str(path) for path, clutter in walk(Path(argument)) if not clutter]
        pictures = [file for file in files if is_picture_name(file)]
        return pictures, len(files) - len(pictures)
    found = [] if argument == "-" or os.path.lexists(argument) else sorted(glob.glob(argument, recursive=True))
    lists = [list_pictures(name) for name in found] or [([argument], 0)]
    return [file for files, _ in lists for file in files], sum(others for _, others in lists)


def read_content(name: str) -> bytes:
    """Return the bytes of a file, or of standard input for `-`. Raises PipelineError, one line."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        elif os.path.exists(name) and not os.path.isfile(name):
            raise PipelineError("neither a file nor a folder")
        else:
            with open(name, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PipelineError(error.strerror or str(error)) from None
    if len(content) > MAX_BYTES:
        raise PipelineError(f"expected at most {MAX_BYTES:,} bytes, found more")
    return content
