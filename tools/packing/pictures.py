"""What a packed data set is made from: every picture with its class and, where that is stated, its split."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "test")


class Picture(NamedTuple):
    name: str  # of the file, or its place in an array
    split: str | None  # `train`, `test`, or None: to be drawn
    label: str  # the name of its class
    load: Callable[[], np.ndarray]  # grey levels (h, w) from 0 to 255; raises PipelineError


class Refused(NamedTuple):
    name: str
    reason: str


class Found(NamedTuple):
    pictures: list[Picture]
    refused: list[Refused]


def natural(name: str) -> tuple:
    """A key that sorts 2 before 10, and letters whatever their case."""
    return (0, int(name), name) if name.isdecimal() and name.isascii() else (1, name.casefold(), name)


def without(root: Path, path: Path) -> str:
    """Return a path as it is called below `root`."""
    return path.relative_to(root).as_posix()
