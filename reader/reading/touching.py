"""Digits that touch: one piece of ink, cut where the network reads its parts best."""

from itertools import combinations

import numpy as np

from pictures.ink import fit
from reader.reading import pieces
from reader.reading.lines import Line
from reader.reading.network import Network, predict
from reader.reading.pieces import Box

STEP = 1 / 14  # of the height of the piece, between places to cut
WIDE = 0.6  # of the same: a narrower piece, such as a bracket, is not cut
LEAST = 0.15  # of the same: the width of a part
MOST = 12  # times the same: a wider piece is not cut
CLEARER = 4  # times: parts are more likely digits than the whole


def ask(parts: list[np.ndarray], reader: Network) -> np.ndarray:
    """Return the probabilities of pieces of ink, each (h, w) in [0, 1]: (n, classes + 1)."""
    return predict(reader, np.stack([fit(pieces.thicken(part)) for part in parts]))


def cut_apart(line: Line, ink: np.ndarray, labels: np.ndarray, reader: Network) -> Line:
    """Return a line of writing with digits in place of each piece that the network rejects, if it reads its parts.

    ink: (h, w) in [0, 1]; labels: (h, w), of its components; each new digit gets a label there.
    """
    parts = [pieces.take(box, ink, labels) for box in line.boxes]
    rejected = ask(parts, reader).argmax(axis=1) == len(reader.names)
    boxes: list[Box] = []
    for box, part, wrong in zip(line.boxes, parts, rejected, strict=True):
        cuts = find_cuts(part, reader) if wrong else []
        boxes += separate(box, part, cuts, labels) if cuts else [box]
    return line._replace(boxes=boxes)


def separate(box: Box, part: np.ndarray, cuts: list[int], labels: np.ndarray) -> list[Box]:
    """Give each digit between cuts of a piece a label, and return their boxes."""
    first = labels.max() + 1
    numbers = np.broadcast_to(first + np.searchsorted(cuts, np.arange(box.width), "right"), part.shape)
    labels[box.top : box.bottom, box.left : box.right][part > 0] = numbers[part > 0]
    return [each._replace(touching=True) for each in pieces.boxes(labels) if each.labels[0] >= first]


def find_cuts(part: np.ndarray, reader: Network) -> list[int]:
    """Return the columns between which ink, (h, w) in [0, 1], is one digit each; none if it cannot be cut.

    Their confidences have the largest product, CLEARER than the whole. Each part is about as high as the whole.
    """
    height, width = part.shape
    if width < WIDE * height:
        return []
    edges = np.linspace(0, width, round(min(width / height, MOST) / STEP) + 1).round().astype(int).tolist()
    spans = [(a, b) for a, b in combinations(edges, 2) if LEAST * height <= b - a <= pieces.BROAD * height]
    spans = [(a, b) for a, b in spans if part[:, a:b].any(axis=1).sum() >= pieces.TALL * height]
    if not spans:
        return []
    confidences = ask([part[:, a:b] for a, b in spans], reader)[:, :-1].max(axis=1)
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}  # by column: logarithm of the product, and the cuts
    for (start, end), confidence in zip(spans, confidences, strict=True):
        if start in best:
            score, cuts = best[start]
            score += float(np.log(confidence * (CLEARER if end - start == width else 1)))
            best[end] = max(best.get(end, (-np.inf, [])), (score, [*cuts, end]))
    return best.get(width, (0.0, []))[1][:-1]
