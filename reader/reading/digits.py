"""Find the digits of a picture by the connected components of its ink: arrays in, arrays out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pictures.ink import find_ink, fit
from reader.reading.components import holes, label, slide
from reader.reading.lines import find_lines

SMALLEST = 6  # pixels of the longer side of a digit
SPECK = 0.25  # of the height of the tallest: what is smaller and not near a digit is a speck
LEAST = 0.35  # of the same: what is smaller and of no other digit is none
TALL = 0.6  # of the same: two strokes as tall as this are two digits
GAP = 0.25  # of the same: parts of one digit are no further apart
FLAT = 0.35  # of the same: what is lower, and half as wide again as high, is a hyphen
BROAD = 1.5  # times its height: what is wider is no single digit; 1 of 500 digits of MNIST is
NARROW = 0.2  # times its length: a piece of a line
FAINT = 0.25  # of the usual ink for its length: the same; a 1 has more, though it is narrow
DARK = 0.55  # of full ink: lines may be paler than that
EDGE = 2  # pixels
BEYOND = 1.2  # times as long as the longest dark stroke: a line
SOLID = 0.75  # of its box: a spot
HOLES = 2  # at most: those of an 8
LONG = 4.3  # times its longer side: half the outline of ink, about as long as its strokes; an 8 has 3.9 at most


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


class Found(NamedTuple):
    """What may be a digit: as the network sees it, (28, 28) float32, where it is, and whether its shape is of one."""

    image: np.ndarray
    box: Box
    single: bool


def find_digits(grey: np.ndarray) -> list[Found]:
    """Return what may be digits, lines from the top, each from left to right.

    grey: (h, w) from 0 to 255. The list is empty when there is no ink, or only specks, hyphens, ruling and frames.
    """
    ink = find_ink(grey)
    lines = find_lines(ink > 0)
    ink *= ~lines
    if lines.any():
        ink *= ~find_pale(ink)
        ink *= ~find_remains(ink > 0)
    components, boxes = label(ink > 0)
    parts = [Box(top, bottom, left, right, (i,)) for i, (top, bottom, left, right) in enumerate(boxes.tolist(), 1)]
    found = []
    for box in in_reading_order(join_parts(parts)):
        cut = np.s_[box.top : box.bottom, box.left : box.right]
        part = ink[cut] * np.isin(components[cut], box.labels)
        found.append(Found(fit(part), box, is_single(part > 0.5)))
    return found


def find_pale(ink: np.ndarray) -> np.ndarray:
    """Return which ink, (h, w) in [0, 1], is of lines paler than the writing: all that is pale, if a piece is longer.

    Pale is what is not dark and more than EDGE pixels from what is.
    """
    dark = ink > DARK
    near = slide(slide(np.pad(dark, EDGE), 2 * EDGE + 1, 0), 2 * EDGE + 1, 1)
    pale = (ink > 0) & ~near
    lengths = [(boxes[:, [1, 3]] - boxes[:, [0, 2]]).max(initial=0) for boxes in (label(pale).boxes, label(dark).boxes)]
    return pale & (lengths[0] > BEYOND * lengths[1])


def find_remains(ink: np.ndarray) -> np.ndarray:
    """Return which ink, (h, w) bool, is left over from lines: narrow components with little ink for their length."""
    labels, boxes = label(ink)
    if not len(boxes):
        return ink
    sides = boxes[:, [1, 3]] - boxes[:, [0, 2]]
    long = sides.max(axis=1, initial=1)
    width = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:] / long
    large = long >= TALL * sides[:, 0].max(initial=0)
    remains = (sides.min(axis=1, initial=0) < NARROW * long) & (width < FAINT * np.median(width[large]))
    return np.append(False, remains)[labels]


def is_single(mask: np.ndarray) -> bool:
    """Whether ink, (h, w) bool, may be one digit by its shape: not broad, solid or long, without many holes."""
    height, width = mask.shape
    if width > BROAD * height or holes(mask, 0.002 * mask.size) > HOLES:
        return False
    solid = mask.sum() > SOLID * mask.size and width > height / 2
    edges = sum(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis)) for axis in (0, 1))
    return not solid and edges <= 2 * LONG * max(height, width)


def join_parts(boxes: list[Box]) -> list[Box]:
    """Join the parts of broken digits, the largest first, and drop specks."""
    tallest = max((box.height for box in boxes), default=0)
    whole: list[Box] = []
    for part in sorted(boxes, key=lambda box: -box.size):
        near = [i for i, box in enumerate(whole) if belongs(part, box, tallest)]
        if near:
            closest = min(near, key=lambda i: distance(part, whole[i]))
            whole[closest] = whole[closest].join(part)
        elif part.size >= max(LEAST * tallest, SMALLEST):
            whole.append(part)
    return [box for box in whole if box.size >= max(LEAST * tallest, SMALLEST) and not is_hyphen(box, tallest)]


def is_hyphen(box: Box, tallest: int) -> bool:
    """Whether a component is flat: a hyphen between digits, or a dash alone."""
    width = box.right - box.left
    return width > 1.5 * box.height and (box.height < FLAT * tallest or width > 4 * box.height)


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
