"""Digits that touch: one piece of ink, cut where the network reads its parts best."""

from itertools import combinations

import numpy as np

from pictures.ink import fit
from reader.reading.network import Network, predict
from reader.reading.pieces import BROAD, TALL, thicken

STEP = 1 / 14  # of the height of the piece, between places to cut
LEAST = 0.15  # of the same: the width of a part
MOST = 12  # times its height: a wider piece is not cut
CLEAR = 0.5  # confidence: the piece is one digit


def find_cuts(part: np.ndarray, reader: Network) -> list[int]:
    """Return the columns, from 0 to w, between which ink, (h, w) in [0, 1], is one digit each.

    Their confidences have the largest product. Each part is about as high as the whole.
    """
    height, width = part.shape
    whole = [0, width]
    if not 2 * LEAST * height <= width <= MOST * height or confidence([fit(thicken(part))], reader)[0] > CLEAR:
        return whole
    edges = np.linspace(0, width, round(width / height / STEP) + 1).round().astype(int).tolist()
    spans = [(a, b) for a, b in combinations(edges, 2) if LEAST * height <= b - a <= BROAD * height]
    spans = [(a, b) for a, b in spans if part[:, a:b].any(axis=1).sum() >= TALL * height]
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [0])}  # by column: logarithm of the product, cuts so far
    for (start, end), value in zip(
        spans, confidence([fit(thicken(part[:, a:b])) for a, b in spans], reader), strict=True
    ):
        if start in best:
            score, cuts = best[start]
            best[end] = max(best.get(end, (-np.inf, [])), (score + float(np.log(value)), [*cuts, end]))
    return best.get(width, (0, whole))[1]


def confidence(images: list[np.ndarray], reader: Network) -> np.ndarray:
    return predict(reader, np.stack(images))[:, :-1].max(axis=1)
