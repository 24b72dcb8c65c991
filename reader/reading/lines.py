"""Find the ruling of the paper and the frames around digits, which may touch the digits: a mask in, a mask out."""

from typing import NamedTuple

import numpy as np

from reader.reading.components import label, slide

SLOPES = np.linspace(-0.2, 0.2, 81)  # of a line to the edges of the picture: 11 degrees at most
POINTS = 20_000  # pixels of ink, enough to find a slope
LONG = 0.6  # of the extent of a component: a straight run of this length is a line
SIDE = 0.8  # of the same: the sides of a frame
THIN = 0.15  # of its own length: a line is no thicker
THREE = 3  # pixels: any line may be as thick, and as much of a line may be missing
STROKE = 12  # times its thickness: the sides of a frame and the whole of a ruling are longer, most digits are not
WIDE = 2.2  # times its height: no digit is as wide
WITHIN = 0.35  # of the height of a component: what is as high and within makes it a frame; the dot of a zero does not
BESIDE = 0.9  # of a piece of ink as close to a line as that is thick: the piece is of the line
CROSSING = 1.5  # times the thickness of a line: what is thicker is a stroke that crosses it
DOUBLE = 2.5  # of a frame: two walls side by side are one thick one
SMALLEST = 12  # pixels of the longer side of a component with lines
MOST = 100  # components to look at, the largest first


class Lines(NamedTuple):
    mask: np.ndarray  # (h, w) bool, where they are without what crosses them
    number: int
    sides: int  # how many are long enough to be the side of a frame
    thickness: int  # pixels


def find_lines(ink: np.ndarray) -> np.ndarray:
    """Return where ink, (h, w) bool, is of ruled or squared paper or of frames and grids around digits: (h, w) bool.

    Lines are looked for in connected components that cannot be one digit: they enclose another, are wider than any
    digit, reach from edge to edge of the picture, or are closed by straight lines on four sides.
    """
    lines = find_straight(ink)
    return lines | find_straight(ink & ~lines) if lines.any() else lines  # of what they held together


def find_straight(ink: np.ndarray) -> np.ndarray:
    """Return the lines of each component of the ink, (h, w) bool: (h, w) bool."""
    labels, boxes = label(ink)
    found = np.zeros(ink.shape, bool)
    sizes = (boxes[:, [1, 3]] - boxes[:, [0, 2]]).max(axis=1, initial=0)
    for index in np.argsort(-sizes, kind="stable")[:MOST].tolist():
        if sizes[index] < SMALLEST:
            break
        top, bottom, left, right = boxes[index].tolist()
        cut = np.s_[top:bottom, left:right]
        part = labels[cut] == index + 1
        rows, columns = straight_lines(part)
        thin = max(rows.thickness, columns.thickness) * STROKE <= min(part.shape)
        closed = thin and min(rows.sides, columns.sides) >= 1 and rows.sides + columns.sides >= 3  # one may be cut off
        enclosing = encloses_another(part, boxes - [top, top, left, left], index)
        edges = (left <= 1 and right >= ink.shape[1] - 1), (top <= 1 and bottom >= ink.shape[0] - 1)
        across, everywhere = any(edges), all(edges)
        # A digit that fills its picture reaches its edges too, alone and with less than three lines.
        ruled = across and (len(boxes) > 1 or (thin and max(rows.number, columns.number) >= 3))
        ruled |= right - left > WIDE * (bottom - top)
        if closed or enclosing or (ruled and (rows.number or columns.number)):
            one_row = not everywhere and min(rows.number, columns.number) <= 2  # of frames, cut off by the edges
            framed = (closed or enclosing) and (one_row or not across)
            if framed:
                rows, columns = straight_lines(part, DOUBLE)
            lines = lines_of(rows, columns, framed)
            lines |= beside(part & ~lines, lines, max(rows.thickness, columns.thickness))
            found[cut] |= lines if lines.any() else part  # without lines it is a circle, or a frame drawn by hand
    return found & ink


def lines_of(rows: Lines, columns: Lines, framed: bool) -> np.ndarray:
    """Return the lines of both directions, but of a ruling only those as thin as the thinner: strokes are thicker."""
    if not framed and rows.number and columns.number:
        thickest = CROSSING * min(rows.thickness, columns.thickness) + 1
        return rows.mask * (rows.thickness <= thickest) | columns.mask * (columns.thickness <= thickest)
    return rows.mask | columns.mask


def encloses_another(part: np.ndarray, boxes: np.ndarray, index: int) -> bool:
    """Whether a component, (h, w) bool, has within its holes another one of WITHIN its height.

    boxes: (n, 4), those of all components, counted from the top left of this one, which is boxes[index].
    """
    height, width = part.shape
    top, bottom, left, right = boxes.T
    inside = (top > 0) & (left > 0) & (bottom < height) & (right < width) & (bottom - top > WITHIN * height)
    inside[index] = False
    if not inside.any():
        return False
    paper = label(~np.pad(part, 1), diagonal=False).labels[1:-1, 1:-1]  # 1 is the paper around, 0 is ink
    middle = paper[(top + bottom)[inside] // 2, (left + right)[inside] // 2]
    return bool((middle > 1).any())


def beside(rest: np.ndarray, lines: np.ndarray, thickness: int) -> np.ndarray:
    """Return what is left of the ink, (h, w) bool, that lies along lines: their edges, corners and bends."""
    labels, boxes = label(rest)
    reach = thickness
    near = slide(slide(np.pad(lines, reach), 2 * reach + 1, 0), 2 * reach + 1, 1)
    total, close = (np.bincount(labels[mask], minlength=len(boxes) + 1) for mask in (rest, rest & near))
    return (close > BESIDE * total)[labels]


def straight_lines(part: np.ndarray, thicker: float = CROSSING) -> tuple[Lines, Lines]:
    """Return the lines along the rows and those along the columns of a component, (h, w) bool.

    What is this many times as thick as the line, or more, crosses it and stays.
    """
    y, x = np.nonzero(part)
    down, right = slope(y, x), slope(x, y)
    height, width = np.ptp(y - down * x) + 1, np.ptp(x - right * y) + 1  # of what may be turned
    along_rows = lines_along(part, y, x, down, width, thicker)
    along_columns = lines_along(part.T, x, y, right, height, thicker)
    return along_rows, along_columns._replace(mask=along_columns.mask.T)


def slope(y: np.ndarray, x: np.ndarray) -> float:
    """Return by how much y grows with x on most lines: they are the sharpest peaks of a profile sheared by it."""
    step = len(y) // POINTS + 1
    y, x = y[::step], x[::step]
    sharpness = []
    for each in SLOPES:
        rows = np.floor(y - each * x + 0.5).astype(np.int64)
        sharpness.append((np.bincount(rows - rows.min()) ** 2).sum())
    return float(SLOPES[np.argmax(sharpness)])


def lines_along(part: np.ndarray, y: np.ndarray, x: np.ndarray, slope: float, extent: float, thicker: float) -> Lines:
    """Return the lines of this slope in a component, (h, w) bool, whose ink is at y, x."""
    none = Lines(np.zeros(part.shape, bool), 0, 0, 0)
    rows = np.floor(y - slope * x + 0.5).astype(np.int64)
    rows += 1 - rows.min()
    sheared = np.zeros((rows.max() + 2, part.shape[1]), bool)
    sheared[rows, x] = True
    smeared = slide(np.pad(sheared, [(1, 1), (0, 0)]), 3, 0)  # a line that is bent by a pixel is straight now
    padded = np.pad(smeared, [(0, 0), (THREE, THREE)])
    bridged = slide(slide(padded, THREE + 1, 1), THREE + 1, 1, np.minimum)
    runs = run_lengths(bridged)
    long = slide(np.pad(runs >= LONG * extent, [(1, 1), (0, 0)]), 3, 0) & sheared
    if not long.any():
        return none
    thickness = run_lengths(sheared.T).T
    usual = float(np.median(thickness[long]))
    if usual > max(THREE, THIN * extent):
        return none
    long &= thickness <= thicker * usual + 1
    mask = np.zeros(part.shape, bool)
    mask[y, x] = long[rows, x]
    longest = runs.max(axis=1)
    return Lines(mask, bands(longest >= LONG * extent), bands(longest >= SIDE * extent), round(usual))


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Return for each pixel of a mask, (h, w) bool, how long its run along the row is: (h, w) int64, 0 for paper."""
    edges = np.diff(np.pad(mask.astype(np.int8), [(0, 0), (1, 1)]), axis=1)
    (rows, starts), (_, ends) = np.nonzero(edges > 0), np.nonzero(edges < 0)
    steps = np.zeros((mask.shape[0], mask.shape[1] + 1), np.int64)
    steps[rows, starts] = ends - starts
    steps[rows, ends] = starts - ends
    return np.cumsum(steps, axis=1)[:, :-1]


def bands(flags: np.ndarray) -> int:
    """Return how many runs of neighbours are True."""
    return int((np.diff(np.pad(flags.astype(np.int8), 1)) > 0).sum())
