"""Read a page: from grey levels to lines of digits and marks."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from pictures.ink import find_ink, fit
from reader.reading import lines, network, pieces, touching
from reader.reading.network import Answer, Network
from reader.reading.pieces import Box

TURNED = 0.08  # the slope of lines of writing, 5 degrees: from there on, the page is turned upright
FAINT = 0.05  # of full ink: paper, after turning
EDGE = 3  # pixels


class Symbol(NamedTuple):
    """A digit, or a mark between digits."""

    box: Box
    mark: str = ""  # "" for a digit
    image: np.ndarray | None = None  # of a digit, the network's input: (28, 28) float32 in [0, 1]
    single: bool = False  # whether the shape and place are those of one digit
    answer: Answer | None = None


class Page(NamedTuple):
    lines: list[list[Symbol]]  # from the top, each from left to right
    left_out: int  # pieces of ink that are not read: specks, and strokes that may have gone with a ruling

    @property
    def digits(self) -> list[Symbol]:
        return [symbol for line in self.lines for symbol in line if not symbol.mark]

    @property
    def sure(self) -> bool:
        return (
            bool(self.digits)
            and not self.left_out
            and all(symbol.answer and symbol.answer.sure for symbol in self.digits)
        )


def find_symbols(grey: np.ndarray, reader: Network | None = None) -> Page:
    """Return the digits and marks of a picture, (h, w) from 0 (black) to 255, without answers.

    With a reader, digits that touch are cut apart.
    """
    ink, rules, left_out = pieces.without_rules(find_ink(grey))
    rows, small, labels = split(ink)
    if rows and abs(rows[0].slope) >= TURNED:
        angle = np.degrees(np.arctan(rows[0].slope))
        ink, rules = ndimage.rotate(ink, angle, order=1), ndimage.rotate(rules, angle, order=0)
        ink = np.where(ink > FAINT, np.minimum(ink, 1), 0)
        rows, small, labels = split(ink)
    if reader:
        rows = [touching.cut_apart(line, ink, labels, reader) for line in rows]
    page = [describe(line, ink, labels) for line in rows]
    if not any(not symbol.mark for line in page for symbol in line):
        return Page([], 0)
    for box in small:
        line = lines.nearest(box, rows)
        mark = lines.name_small(box, line) if line else ""
        beside = rules[max(0, box.top - EDGE) : box.bottom + EDGE, max(0, box.left - EDGE) : box.right + EDGE]
        if line and mark and not beside.any():  # else it may be left over from a line of the paper
            page[rows.index(line)].append(Symbol(box, mark))
        else:
            left_out += 1
    return Page([sorted(line, key=lambda symbol: symbol.box.left + symbol.box.right) for line in page], left_out)


def split(ink: np.ndarray) -> tuple[list[lines.Line], list[Box], np.ndarray]:
    """Return the lines of pieces that may be digits, smaller pieces, and the labels of the components."""
    labels, parts = pieces.find_boxes(ink > 0)
    large, small = pieces.join_parts(parts, labels)
    usual = np.median([box.height for box in large]) if large else 0
    rows = lines.find_lines([box for box in large if box.height >= lines.HALF * usual])
    low = [box for box in large if box.height < lines.HALF * usual]  # smaller digits, or large points and commas
    marks = [box for box in low if (line := lines.nearest(box, rows)) and lines.name_small(box, line)]
    if len(marks) < len(low):
        rows = lines.find_lines([box for box in large if box not in marks])
    return rows, small + marks, labels


def describe(line: lines.Line, ink: np.ndarray, labels: np.ndarray) -> list[Symbol]:
    """Tell digits from marks in a line of writing."""
    parts = [pieces.take(box, ink, labels) for box in line.boxes]
    names = lines.name_strokes([lines.measure(part > 0) for part in parts])
    symbols = []
    for box, part, name in zip(line.boxes, parts, names, strict=True):
        dotted = len(box.labels) > 1 and box.width < box.height / 2  # perhaps an i
        part_of_another = any(lines.is_close(box, other) for other in line.boxes if other is not box)
        doubtful = name.doubtful or dotted or part_of_another or box.touching
        single = pieces.is_single(part > 0.5) and not doubtful
        symbols.append(Symbol(box, name.mark, fit(pieces.thicken(part)), single))
    return symbols


def read(grey: np.ndarray, reader: Network) -> Page:
    """Return the digits and marks of a picture, (h, w) from 0 (black) to 255, with an answer for each digit."""
    page = find_symbols(grey, reader)
    if not page.digits:
        return page
    rows = iter(network.predict(reader, np.stack([digit.image for digit in page.digits if digit.image is not None])))

    def ask(symbol: Symbol) -> Symbol:
        return symbol if symbol.mark else symbol._replace(answer=network.answer(next(rows), reader, symbol.single))

    return page._replace(lines=[[ask(symbol) for symbol in line] for line in page.lines])


def text(page: Page) -> str:
    """Return the lines of a page, with `?` for a digit that is not sure."""
    return "\n".join(
        "".join(s.mark or (s.answer.digit if s.answer and s.answer.sure else "?") for s in line) for line in page.lines
    )
