"""Connected ink put together to what may be one digit or mark each: arrays in, boxes out."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from reader.reading.rules import AROUND, find_rules

SMALLEST = 6  # pixels of the longer side of a digit
SPECK = 0.25  # of the tallest piece's height: a smaller part does not need to be above or below the rest of its digit
LEAST = 0.35  # of the same: smaller ink that is not part of a digit is a mark or a speck
TALL = 0.6  # of the same: two strokes as tall as this are two digits
BREAK = 0.1  # of the same: two halves of a digit that are as tall are no further apart
OTHERS = 1.25  # times their usual height: taller pieces do not count
GAP = 0.25  # of the same: parts of one digit are no further apart
POINT = 0.07  # of the same: a speck at the foot of a digit is a point unless it is closer
FLAT = 0.35  # of the same: what is lower, and wider than high, is a dash
BROAD = 1.5  # times its height: wider ink is not a single digit; 1 of 500 of MNIST's digits is
DUST = 0.05  # of the tallest: smaller than any point
NARROW = 0.2  # times its length: a piece of a line
FAINT = 0.25  # of the usual ink for its length: the same; a 1 has more, though it is narrow
DARK = 0.55  # of full ink: lines may be paler than that
THREAD = 1.8  # pixels: a piece of a line that was too faint to be found is no wider
FADED = 0.75  # of full ink: and nowhere darker
ABOVE = 0.2  # of full ink, more than a line: writing on the line
EDGE = 2  # pixels
BEYOND = 1.2  # times as long as the longest dark stroke: a line
SOLID = 0.75  # of its box: a spot
HOLES = 2  # at most: those of an 8
PEN = 0.1  # of its height: the strokes of a digit are at least as thick for the network
LONG = 4.3  # times its longer side: half the outline of ink, about as long as its strokes; an 8 has 3.9 at most


class Box(NamedTuple):
    """A rectangle of pixels, ends exclusive, and the labels of the components in it."""

    top: int
    bottom: int
    left: int
    right: int
    labels: tuple[int, ...] = ()
    touching: bool = False  # cut from a piece of several digits

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def size(self) -> int:
        return max(self.height, self.width)

    @property
    def is_flat(self) -> bool:
        return self.width > BROAD * self.height

    def join(self, other: "Box") -> "Box":
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
            self.labels + other.labels,
        )

    def distance(self, other: "Box") -> int:
        """The pixels between two boxes, in the direction in which there are more; 0 if they overlap or touch."""
        across = max(self.left, other.left) - min(self.right, other.right)
        along = max(self.top, other.top) - min(self.bottom, other.bottom)
        return max(across, along, 0)


def without_rules(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return ink, (h, w) in [0, 1], without the lines of its paper, and where these are, (h, w) bool.

    The third value is the number of thin strokes as tall as digits that went with them.
    """
    directions = find_rules(ink > 0)
    rules = np.any(directions, axis=0)
    level = np.quantile(ink[rules], 0.75) if rules.any() else 0
    if level < DARK:
        rules = (rules & (ink <= max(DARK, level + ABOVE))) | find_pale(ink, level > 0)
    ink = ink * ~rules
    remains, doubtful = find_remains(ink, bool(directions[0].any()), bool(directions[1].any()))
    return ink * ~remains, rules | remains, doubtful


def find_pale(ink: np.ndarray, ruled: bool) -> np.ndarray:
    """Return which ink, (h, w) in [0, 1], is of lines paler than the writing: all that is pale, if a piece is longer.

    Pale is what is not dark and more than EDGE pixels from what is.
    """
    dark = ink > DARK
    pale = (ink > 0) & ~ndimage.maximum_filter(dark, 2 * EDGE + 1)
    lengths = [max((box.size for box in find_boxes(mask)[1]), default=0) for mask in (pale, dark)]
    return pale & (ruled or lengths[0] > BEYOND * lengths[1])


def find_remains(ink: np.ndarray, rows: bool, columns: bool) -> tuple[np.ndarray, int]:
    """Return which ink, (h, w) in [0, 1], is left over from lines along the rows or columns: (h, w) bool.

    These are pale threads, and narrow components along lines with little ink for their length. The second value is the
    number of those that are as tall as the digits.
    """
    labels, boxes = find_boxes(ink > 0)
    if not boxes:
        return ink > 0, 0
    height, breadth = np.array([(box.height, box.width) for box in boxes]).T
    long = np.maximum(height, breadth)
    width = np.bincount(labels.ravel())[1:] / long
    darkest = ndimage.maximum(ink, labels, np.arange(1, len(boxes) + 1))
    narrow = np.where(height > breadth, columns & (breadth < NARROW * long), rows & (height < NARROW * long))
    tall = long >= TALL * height.max()
    remains = narrow & (width < FAINT * np.median(width[tall])) | (width <= THREAD) & (
        rows | columns | (darkest < FADED)
    )
    doubtful = remains & (height >= TALL * np.median(height[tall]))
    return np.append(False, remains)[labels], int(doubtful.sum())


def find_boxes(mask: np.ndarray) -> tuple[np.ndarray, list[Box]]:
    """Return the labels of the connected components of a mask, (h, w) bool, and their boxes."""
    labels, _ = ndimage.label(mask, AROUND)
    return labels, boxes(labels)


def boxes(labels: np.ndarray) -> list[Box]:
    """Return the box of each label, (h, w) int, that there is."""
    slices = enumerate(ndimage.find_objects(labels), 1)
    return [Box(each[0].start, each[0].stop, each[1].start, each[1].stop, (i,)) for i, each in slices if each]


def take(box: Box, ink: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the ink of a piece alone, (height, width) in [0, 1]."""
    cut = np.s_[box.top : box.bottom, box.left : box.right]
    return ink[cut] * np.isin(labels[cut], box.labels)


def join_parts(parts: list[Box], labels: np.ndarray) -> tuple[list[Box], list[Box]]:
    """Put the parts of broken digits together; return the pieces that may be digits, and smaller ink without dust.

    labels: (h, w), of the components.
    """
    heights = np.array([part.height for part in parts] or [0])
    usual = np.median(heights[heights >= LEAST * heights.max()])
    tallest = float(min(heights.max(), OTHERS * usual))  # one digit may be much taller than the others
    least = max(LEAST * tallest, SMALLEST)
    pieces: list[Box] = []
    small = []
    for part in sorted(parts, key=lambda part: -part.size):
        near = [i for i, piece in enumerate(pieces) if belongs(part, piece, tallest, labels)]
        if near:
            closest = min(near, key=lambda i: part.distance(pieces[i]))
            pieces[closest] = pieces[closest].join(part)
        elif part.size >= least:
            pieces.append(part)
        elif part.size >= DUST * tallest:
            small.append(part)
    dashes = [piece for piece in pieces if is_dash(piece, tallest)]
    return [piece for piece in pieces if piece.size >= least and piece not in dashes], small + dashes


def is_dash(box: Box, tallest: float) -> bool:
    """Whether a component is flat: a hyphen between digits, or a dash alone."""
    return box.is_flat and (box.height < FLAT * tallest or box.width > 4 * box.height)


def belongs(part: Box, piece: Box, tallest: float, labels: np.ndarray) -> bool:
    """Whether a component is part of a digit: close above, below or within it."""
    stacked = min(part.right, piece.right) - max(part.left, piece.left) >= 0.3 * min(part.width, piece.width)
    small = part.size < SPECK * tallest
    within = GAP if stacked else GAP / 2
    if not (stacked or small) or part.distance(piece) > within * tallest:
        return False
    if part.height >= TALL * tallest:
        both = part.join(piece)
        above = part.height + piece.height - both.height <= TALL * min(part.height, piece.height)
        return stacked and above and gap(part, piece, labels) <= BREAK * tallest
    if small and part.top + part.bottom > 2 * (piece.bottom - GAP * tallest):  # at its foot
        return stacked and gap(part, piece, labels) <= POINT * tallest
    return True


def gap(part: Box, piece: Box, labels: np.ndarray) -> float:
    """Return the pixels between the ink of two boxes."""
    both = part.join(piece)
    cut = labels[both.top : both.bottom, both.left : both.right]
    return float(ndimage.distance_transform_edt(~np.isin(cut, piece.labels))[np.isin(cut, part.labels)].min())


def is_single(mask: np.ndarray) -> bool:
    """Whether ink, (h, w) bool, may be one digit by its shape: not broad, solid or long, without many holes."""
    height, width = mask.shape
    if width > BROAD * height or count_holes(mask, 0.002 * mask.size) > HOLES:
        return False
    solid = mask.sum() > SOLID * mask.size and width > height / 2
    edges = sum(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis)) for axis in (0, 1))
    return not solid and bool(edges <= 2 * LONG * max(mask.shape))


def thickness(mask: np.ndarray) -> float:
    """Return the mean thickness in pixels of the strokes of a mask, (h, w) bool."""
    return float(4 * ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask].mean() - 1)


def thicken(ink: np.ndarray) -> np.ndarray:
    """Return ink, (h, w) in [0, 1], with strokes about as thick as those of the training, if they are thinner."""
    missing = round(PEN * len(ink) - thickness(ink > 0.3 * ink.max()))
    return ndimage.maximum_filter(np.pad(ink, missing), missing + 1) if missing > 0 else ink


def count_holes(mask: np.ndarray, smallest: float) -> int:
    """Return how many areas of paper of at least `smallest` pixels are enclosed by the ink of a mask, (h, w) bool."""
    labels, _ = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    return int((np.bincount(labels.ravel())[1:] >= smallest).sum())
