"""Lines of writing, also on a photo that is turned, and the marks among their digits."""

from typing import NamedTuple

import numpy as np

from reader.reading.pieces import Box, thickness

OVERLAP = 0.5  # of the lower of two neighbours' heights, in one line of writing
NEAR = 0.8  # of the height of a line: a small piece this close to its middle belongs to it
LEAST = 0.115  # times the digits' height: a smaller speck is no point
HALF = 0.55  # times the digits' height: a lower piece may be a mark
TALLER = 1.12  # times the digits' height: a stroke may be a mark, and a bent one is a bracket
BAR = 1.2  # times the same: an upright stroke is a bar, a slanted one a slash
LEAN = 10  # degrees: a stroke is slanted
DOUBT = 1  # usual differences between the slants of the digits: a stroke may be a slash
SLASH = 2  # times the same: it is one if there is a second
TWINS = 1.5  # degrees, and per cent of the height: so alike are two slashes of a date
MIRRORED = 0.1  # of their heights: the same for the bends of a pair of brackets, and their heights
STRAIGHT = 0.42  # of its thickness: the standard deviation of a stroke across; a rectangle has 0.29
LENGTH = 4  # times its thickness: a stroke is at least as long
BENT = 0.065  # of its height: the middle of a bracket is so far beside its ends
NARROW = 0.4  # of its height: a stroke is no wider
CLOSE = 0.15  # of the height: so close, a stroke may be a part of the digit beside it
SLIM = 0.5  # of its height: a bracket is no wider


class Line(NamedTuple):
    """Pieces of ink in a line of writing from left to right."""

    boxes: list[Box]
    slope: float  # rows down for each column

    @property
    def height(self) -> float:
        return float(np.median([box.height for box in self.boxes]))

    @property
    def middle(self) -> float:
        """The row of the middle of the line in column 0."""
        return float(np.median([row - self.slope * column for row, column in map(centre, self.boxes)]))


def centre(box: Box) -> tuple[float, float]:
    return (box.top + box.bottom) / 2, (box.left + box.right) / 2


def find_lines(boxes: list[Box]) -> list[Line]:
    """Return the lines of writing from the top."""
    slope = 0.0
    for _ in range(2):  # neighbours tell the slope, and with it who the neighbours are
        following = follow(boxes, slope)
        pairs = [(centre(boxes[i]), centre(boxes[j])) for i, j in following.items()]
        slope = float(np.median([(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairs])) if pairs else 0.0
    following = follow(boxes, slope)
    lines = []
    for first in sorted(set(range(len(boxes))) - set(following.values())):
        chain = [first]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        lines.append(Line([boxes[i] for i in chain], slope))
    return sorted(lines, key=lambda line: line.middle)


def follow(boxes: list[Box], slope: float) -> dict[int, int]:
    """Return the next piece to the right of each piece in its line, for lines of this slope."""
    if not boxes:
        return {}
    top, bottom, left, right = np.array([box[:4] for box in boxes], np.float64).T
    columns, heights = (left + right) / 2, bottom - top
    top, bottom = top - slope * columns, bottom - slope * columns
    common = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    overlap = common / np.minimum(heights[:, None], heights)
    distance = columns - columns[:, None]
    cost = np.where((distance > 0) & (overlap >= OVERLAP), distance / np.median(heights) - overlap, np.inf)
    following: dict[int, int] = {}
    taken: set[int] = set()
    for pair in np.argsort(cost, axis=None)[: np.isfinite(cost).sum()].tolist():
        i, j = divmod(pair, len(boxes))
        if i not in following and j not in taken:
            following[i] = j
            taken.add(j)
    return following


class Stroke(NamedTuple):
    """The shape of a piece of ink."""

    height: int
    lean: float  # degrees to the right
    straight: bool
    bend: float  # of its height: how far its middle is to the right of its ends; 0 unless it is one slim curve


def measure(mask: np.ndarray) -> Stroke:
    """Describe the shape of ink, (h, w) bool."""
    y, x = np.nonzero(mask)
    height, width = mask.shape
    tangent = np.polyfit(y, x, 1)[0] if height > 1 else 0.0
    across = (x - tangent * y) / np.hypot(1, tangent)
    width_of_pen = thickness(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask.argmax(axis=1)[rows], width - 1 - mask[:, ::-1].argmax(axis=1)[rows]
    end = max(1, len(rows) // 10)
    middle = (first + last) / 2
    chord = np.interp(rows, [rows[:end].mean(), rows[-end:].mean()], [middle[:end].mean(), middle[-end:].mean()])
    beside = (middle - chord) / height
    runs = last - first + 1
    slim = width <= SLIM * height and runs.sum() < 1.05 * len(y) and np.quantile(runs, 0.8) < 2 * width_of_pen
    one_way = np.ptp(beside) < 1.5 * np.abs(beside).max()
    bend = float(beside[np.abs(beside).argmax()]) if slim and one_way else 0.0
    straight = bool(across.std() <= STRAIGHT * width_of_pen and height >= LENGTH * width_of_pen)
    return Stroke(height, -float(np.degrees(np.arctan(tangent))), straight, bend)


class Name(NamedTuple):
    mark: str = ""  # that a piece is, or ""
    doubtful: bool = False  # whether it may be a mark, and is not a sure digit


def name_strokes(strokes: list[Stroke]) -> list[Name]:
    """Tell slashes, bars and brackets from digits in a line of writing.

    Alone, a slanted stroke may be a 1 or a slash: only the digits beside it tell.
    """
    digits = [stroke for stroke in strokes if not stroke.straight and abs(stroke.bend) < BENT] or strokes
    height, lean = (np.median([getattr(stroke, name) for stroke in digits]) for name in ("height", "lean"))
    usual = np.median([abs(stroke.lean - lean) for stroke in digits]) + 3 + 12 / len(digits)  # of few, it is not known
    names = []
    for i, stroke in enumerate(strokes):
        tall, slant = stroke.height / height, (stroke.lean - lean) / usual
        if abs(stroke.bend) >= BENT:
            names.append(name_bracket(stroke, strokes[i + 1 :] if stroke.bend < 0 else strokes[:i], height))
        elif not stroke.straight or len(strokes) == 1:
            names.append(Name())
        else:
            apart = strokes[: max(i - 1, 0)] + strokes[i + 2 :]  # two slashes have digits between them
            slash = tall >= BAR or (slant >= SLASH and any(are_twins(stroke, other) for other in apart))
            mark = "/" if slash and stroke.lean >= LEAN else "|" if tall >= BAR and abs(stroke.lean) < LEAN else ""
            doubtful = tall >= TALLER or (slant >= DOUBT and stroke.lean >= LEAN)
            names.append(Name(mark if 0 < i < len(strokes) - 1 else "", bool(doubtful)))
    return names


def are_twins(one: Stroke, other: Stroke) -> bool:
    return abs(one.lean - other.lean) < TWINS and abs(one.height - other.height) < TWINS / 100 * one.height + 1


def name_bracket(stroke: Stroke, others: list[Stroke], height: float) -> Name:
    """Name a bent stroke, which without a partner among the others is a digit that is not sure."""
    partners = [other for other in others if other.bend * stroke.bend < 0 and abs(other.bend) >= BENT]
    mirrored = any(
        abs(other.bend + stroke.bend) < MIRRORED and abs(other.height / stroke.height - 1) < MIRRORED
        for other in partners
    )
    tall = min(stroke.height, max((other.height for other in partners), default=0)) >= TALLER * height
    mark = "(" if stroke.bend < 0 else ")"
    return Name(mark if tall or mirrored else "", True)


def is_close(one: Box, other: Box) -> bool:
    """Whether two pieces, one of them narrow, are so close that they may be one digit."""
    narrow = any(box.width < NARROW * box.height for box in (one, other))
    return narrow and one.distance(other) < CLOSE * max(one.height, other.height)


def name_small(box: Box, line: Line) -> str:
    """Return the mark that a small piece is in a line of writing: a dash, point or comma; or "" for any other speck."""
    row, column = centre(box)
    middle, base = (line.middle + line.slope * column + at * line.height for at in (0, 0.5))
    if box.is_flat and abs(row - middle) < 0.3 * line.height:
        return "-"
    inside = line.boxes[0].left < box.left and box.right < line.boxes[-1].right  # between digits
    if not inside or abs(row - base) > 0.25 * line.height or not LEAST * line.height <= box.size <= HALF * line.height:
        return ""
    return "," if box.height > 1.4 * box.width or box.bottom > base + 0.15 * line.height else "."


def nearest(box: Box, lines: list[Line]) -> Line | None:
    """Return the line of writing that a small piece belongs to."""
    row, column = centre(box)
    distances = [abs(row - line.slope * column - line.middle) / line.height for line in lines]
    best = int(np.argmin(distances)) if distances else 0
    return lines[best] if distances and distances[best] <= NEAR else None
