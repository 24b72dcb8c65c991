"""Find the ruling of the paper and frames around digits, which may touch the digits."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

AROUND = np.ones((3, 3), bool)  # a pixel and its eight neighbours
SLOPES = np.linspace(-0.2, 0.2, 81)  # of a line to the edges of the picture: 11 degrees at most
POINTS = 20_000  # pixels of ink, enough to find a slope
LONG = 0.6  # of the extent of a component: a straight run of this length may be a line
SIDE = 0.8  # of the same: the side of a frame
THIN = 0.15  # of its own length: a line is no thicker
THREE = 3  # pixels: any line may be as thick, and as much of a line may be missing
STROKE = 12  # times its thickness: the sides of a frame and a whole ruling are longer, most digits are not
WIDE = 2.2  # times its height: no digit is as wide
WITHIN = 0.35  # of a component's height: as high a part inside makes it a frame; the dot of a zero does not
BESIDE = 0.9  # of a piece of ink this close to a line: the piece belongs to the line
CROSSING = 1.5  # times the thickness of a line: a thicker part is a stroke that crosses it
DOUBLE = 2.5  # the same for a frame: two walls side by side are one thick wall
LONGER = 1.5  # times: lines this much longer than those across them need no support at their ends
SQUARES = 3  # lines of one direction, at least
SMALLEST = 12  # pixels of the longer side of a component with lines
MOST = 100  # components to look at, the largest first


class Lines(NamedTuple):
    """Parallel lines of a component."""

    labels: np.ndarray  # (h, w) int: 0, or the number of the line from 1, without what crosses it
    ends: np.ndarray  # (n, 2, 2) int: row and column of the first and the last pixel of each line
    thickness: float  # pixels
    extent: float  # pixels, of the component along its lines

    @property
    def lengths(self) -> np.ndarray:
        return np.hypot(*np.diff(self.ends, axis=1)[:, 0].T) + 1

    @property
    def sides(self) -> int:
        """The number of lines that are long enough to be the side of a frame."""
        return int((self.lengths >= SIDE * self.extent).sum())

    @property
    def spacing(self) -> float:
        """Pixels between neighbouring lines, the median; infinite for one line."""
        steps = np.abs(np.diff(self.ends, axis=1)).sum(axis=0)[0]
        places = np.sort(self.ends.mean(axis=1)[:, int(steps[0] > steps[1])])
        return float(np.median(np.diff(places))) if len(places) > 1 else np.inf

    def end_on(self, places: np.ndarray) -> np.ndarray:
        """Return whether the first and the last pixel of each line, (n, 2) bool, are among places, (h, w) bool."""
        return places[tuple(self.ends.transpose(2, 0, 1))]

    def supported(self, others: "Lines", border: np.ndarray) -> "Lines":
        """Return the lines whose two ends are on one of the others or at the border of the picture, (h, w) bool.

        A stroke that crosses the lines of the paper ends anywhere. Without support are lines LONGER than all others,
        and those of squares, which are as close together as the others.
        """
        if not len(self.ends) or self.lengths.max() >= LONGER * others.lengths.max(initial=1):
            return self
        squares = len(self.ends) >= SQUARES and self.spacing <= LONGER * others.spacing < np.inf
        if squares and self.thickness <= CROSSING * others.thickness + 1:
            return self
        reach = 2 * round(others.thickness) + THREE
        near = ndimage.maximum_filter(others.labels > 0, 2 * reach + 1)
        ruled = others.end_on(border).all(axis=1).sum() >= SQUARES  # paper on which no line goes from line to line
        kept = self.end_on(near | border).all(axis=1) & (self.end_on(border).any(axis=1) | ~ruled)
        return self._replace(labels=np.append(0, np.cumsum(kept) * kept)[self.labels], ends=self.ends[kept])


def find_rules(ink: np.ndarray) -> np.ndarray:
    """Return where ink, (h, w) bool, is of ruled or squared paper or of frames and grids around digits.

    (2, h, w) bool: lines along the rows, and along the columns. Lines are looked for in connected components that
    cannot be one digit: they enclose another, are wider than any digit, reach from edge to edge of the picture, or are
    closed by straight lines on four sides.
    """
    labels, number = ndimage.label(ink, AROUND)
    boxes = ndimage.find_objects(labels)
    found = np.zeros((2, *ink.shape), bool)
    border = np.ones(ink.shape, bool)
    border[2:-2, 2:-2] = False
    shapes = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in boxes]
    tallest = max((height for height, width in shapes if width <= WIDE * height), default=0)  # a dash is no longer
    sizes = [max(shape) for shape in shapes]
    for index in sorted(range(number), key=lambda i: -sizes[i])[:MOST]:
        if sizes[index] < SMALLEST:
            break
        box = boxes[index]
        part = labels[box] == index + 1
        rows, columns = find_lines(part, border[box])
        height, width = part.shape
        thin = max(rows.thickness, columns.thickness) * STROKE <= min(part.shape)
        closed = thin and min(rows.sides, columns.sides) >= 1 and rows.sides + columns.sides >= 3  # one may be cut off
        enclosing = encloses_another(part, labels[box])
        edges = [side.start <= 1 and side.stop >= length - 1 for side, length in zip(box, ink.shape, strict=True)]
        numbers = len(rows.ends), len(columns.ends)
        # A digit that fills its picture reaches its edges too, alone and with less than three lines.
        ruled = any(edges) and (number > 1 or (thin and max(numbers) >= 3))
        ruled |= width > max(WIDE * height, tallest)
        if closed or enclosing or (ruled and any(numbers)):
            one_row = not all(edges) and min(numbers) <= 2  # of frames, cut off by the edges
            framed = closed or (enclosing and min(numbers) > 0)
            framed = framed and (one_row or not any(edges))
            if framed:
                rows, columns = find_lines(part, border[box], DOUBLE)
            lines = choose(rows, columns, DOUBLE if framed else CROSSING)
            every = np.any(lines, axis=0)
            kept = [each.thickness for each, mask in zip((rows, columns), lines, strict=True) if mask.any()]
            bends = beside(part & ~every, every, round(max(kept, default=0)))
            # Without lines it is a circle, or a frame drawn by hand.
            found[:, *box] |= lines | bends & np.any(lines, axis=(1, 2), keepdims=True) if every.any() else part
    return found & ink


def choose(rows: Lines, columns: Lines, thicker: float) -> np.ndarray:
    """Return the lines of both directions, (2, h, w) bool; of two, not one so many times as thick: it is of strokes."""
    thickest = thicker * min((lines.thickness for lines in (rows, columns) if len(lines.ends)), default=0) + 1
    return np.stack([(lines.labels > 0) & (lines.thickness <= thickest) for lines in (rows, columns)])


def encloses_another(part: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a component, (h, w) bool, has within its holes another one of WITHIN its height; labels: of all ink."""
    inside = labels * (ndimage.binary_fill_holes(part) & ~part)
    boxes = [box for box in ndimage.find_objects(inside) if box]
    return max((rows.stop - rows.start for rows, _ in boxes), default=0) > WITHIN * len(part)


def beside(rest: np.ndarray, lines: np.ndarray, reach: int) -> np.ndarray:
    """Return what is left of the ink, (h, w) bool, that lies along lines: their edges, corners and bends."""
    labels, _ = ndimage.label(rest, AROUND)
    near = ndimage.maximum_filter(lines, 2 * reach + 1)
    total, close = (np.bincount(labels[mask], minlength=labels.max() + 1) for mask in (rest, rest & near))
    return (close > BESIDE * total)[labels]


def find_lines(part: np.ndarray, border: np.ndarray, thicker: float = CROSSING) -> tuple[Lines, Lines]:
    """Return the lines along the rows and those along the columns of a component, (h, w) bool.

    border: the same of the picture's. A part of a line that is this many times as thick, or more, is a stroke that
    crosses it.
    """
    y, x = np.nonzero(part)
    down, right = slope(y, x), slope(x, y)
    height, width = np.ptp(y - down * x) + 1, np.ptp(x - right * y) + 1  # of what may be turned
    rows = lines_along(part, down, width, thicker)
    columns = lines_along(part.T, right, height, thicker)
    columns = columns._replace(labels=columns.labels.T, ends=columns.ends[:, :, ::-1])
    return rows.supported(columns, border), columns.supported(rows, border)


def slope(y: np.ndarray, x: np.ndarray) -> float:
    """Return by how much y grows with x on most lines: they are the sharpest peaks of a profile sheared by it."""
    step = len(y) // POINTS + 1
    y, x = y[::step], x[::step]
    sharpness = []
    for each in SLOPES:
        rows = np.floor(y - each * x + 0.5).astype(np.int64)
        sharpness.append((np.bincount(rows - rows.min()) ** 2).sum())
    return float(SLOPES[np.argmax(sharpness)])


def lines_along(part: np.ndarray, slope: float, extent: float, thicker: float) -> Lines:
    """Return the lines of this slope to the rows in a component, (h, w) bool."""
    none = Lines(np.zeros(part.shape, int), np.zeros((0, 2, 2), int), 0, extent)
    y, x = np.nonzero(part)
    rows = np.floor(y - slope * x + 0.5).astype(np.int64)
    first = rows.min() - 1
    sheared = np.zeros((rows.max() - first + 2, part.shape[1]), bool)
    sheared[rows - first, x] = True
    smeared = ndimage.maximum_filter1d(sheared, 3, axis=0)  # a line that is bent by a pixel is straight now
    bridged = ndimage.binary_closing(np.pad(smeared, [(0, 0), (THREE, THREE)]), np.ones((1, THREE + 1)))[
        :, THREE:-THREE
    ]
    runs = run_lengths(bridged) >= LONG * extent
    long = ndimage.maximum_filter1d(runs, 3, axis=0) & sheared
    if not long.any():
        return none
    thickness = run_lengths(sheared.T).T
    usual = float(np.quantile(thickness[long], 0.25))  # half of them may be strokes that cross the lines
    if usual > max(THREE, THIN * extent):
        return none
    bands = ndimage.label(long.any(axis=1))[0][:, None] * long
    boxes = [(slice(band.start, band.stop), columns) for band, columns in ndimage.find_objects(bands)]
    columns = np.array([[box[1].start, box[1].stop - 1] for box in boxes])
    middle = np.array([(box[0].start + box[0].stop - 1) / 2 for box in boxes])[:, None]
    ends = np.stack([np.clip(np.rint(middle + first + slope * columns), 0, len(part) - 1).astype(int), columns], axis=2)
    labels = np.zeros(part.shape, int)
    labels[y, x] = (bands * (thickness <= thicker * usual + 1))[rows - first, x]
    return Lines(labels, ends, usual, extent)


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Return for each pixel of a mask, (h, w) bool, how long its run along the row is: (h, w) int64, 0 for paper."""
    labels, _ = ndimage.label(mask, [[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    lengths = np.bincount(labels.ravel())
    lengths[0] = 0
    return lengths[labels]
