"""Find the digits of a picture by the connected components of its ink: arrays in, arrays out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from reading.prepare import find_ink, fit

SMALLEST = 6  # pixels of the longer side of a digit
SPECK = 0.25  # of the height of the tallest: what is smaller and not near a digit is a speck
TALL = 0.6  # of the same: two strokes as tall as this are two digits
GAP = 0.25  # of the same: parts of one digit are no further apart
INDEX = np.ones((3, 3))  # diagonal neighbours are connected


class Box(NamedTuple):
    """A rectangle of pixels, ends exclusive, and the labels of the components in it."""

    top: int
    bottom: int
    left: int
    right: int
    labels: tuple[int, ...]

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> int:
        return max(self.height, self.right - self.left)

    def join(self, other: "Box") -> "Box":
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
            self.labels + other.labels,
        )


def find_digits(grey: np.ndarray) -> list[tuple[np.ndarray, Box]]:
    """Return (28, 28) float32 and place of each digit, lines from the top, each from left to right.

    grey: (h, w) from 0 to 255. The list is empty when there is no ink, or only specks.
    """
    ink = find_ink(grey)
    components, _ = ndimage.label(ink, INDEX)
    boxes = [
        Box(rows.start, rows.stop, columns.start, columns.stop, (label,))
        for label, (rows, columns) in enumerate(ndimage.find_objects(components), 1)
    ]
    digits = []
    for box in in_reading_order(join_parts(boxes)):
        cut = np.s_[box.top : box.bottom, box.left : box.right]
        digits.append((fit(ink[cut] * np.isin(components[cut], box.labels)), box))
    return digits


def join_parts(boxes: list[Box]) -> list[Box]:
    """Join the parts of broken digits, the largest first, and drop specks."""
    tallest = max((box.height for box in boxes), default=0)
    whole: list[Box] = []
    for part in sorted(boxes, key=lambda box: -box.size):
        near = [i for i, box in enumerate(whole) if belongs(part, box, tallest)]
        if near:
            closest = min(near, key=lambda i: distance(part, whole[i]))
            whole[closest] = whole[closest].join(part)
        elif part.size >= max(SPECK * tallest, SMALLEST):
            whole.append(part)
    return [box for box in whole if box.size >= max(SPECK * tallest, SMALLEST)]


def belongs(part: Box, box: Box, tallest: int) -> bool:
    """Whether a component is part of the digit in a box: close above, below or within it, and not itself as tall."""
    overlap = min(part.right, box.right) - max(part.left, box.left)
    stacked = overlap >= 0.3 * min(part.right - part.left, box.right - box.left)
    within = GAP / 2 if not stacked else GAP
    small = part.size < SPECK * tallest
    return part.height < TALL * tallest and (stacked or small) and distance(part, box) <= within * tallest


def distance(one: Box, other: Box) -> int:
    """The pixels between two boxes, in the direction in which there are more; 0 if they overlap or touch."""
    across = max(one.left, other.left) - min(one.right, other.right)
    along = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(across, along, 0)


def in_reading_order(boxes: list[Box]) -> Iterator[Box]:
    """Yield lines from the top, each from left to right; a line ends where a box begins below all of it."""
    line: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.top):
        if line and box.top >= max(other.bottom for other in line):
            yield from sorted(line, key=lambda box: box.left)
            line = []
        line.append(box)
    yield from sorted(line, key=lambda box: box.left)
