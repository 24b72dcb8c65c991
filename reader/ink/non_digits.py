"""Ink that is not a single digit, for the network's reject class: letters, strokes, scribbles and pairs of digits.

All arithmetic consists of sums, products, quotients and square roots of single numbers, which are exact to the last bit
on any CPU; there is no normal distribution, whose tails are logarithms.
"""

import numpy as np

from contracts.dataset import SHAPE
from network.sampling import CENTRE, sample
from reader.ink.glyphs import FIT, MARGIN, PART, centred, prints, to_float, to_levels

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy?!&%@#+*=<>$"  # without those that people take for digits
GRID = np.arange(SHAPE[0], dtype=np.float64)


def draw(n: int, digits: np.ndarray, purpose: str, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return n images by kind, each (m, 28, 28) uint8: a third are letters, a third strokes.

    digits: (k, 28, 28) uint8, to pair; purpose: of the letters' fonts.
    """
    few = n // 6
    lines = {
        "strokes": [strokes(random) for _ in range(n - 4 * few)],
        "scribbles": [scribble(random) for _ in range(few)],
    }
    drawn = {kind: np.stack([ink(each, 1.2 + 3 * random.random()) for each in every]) for kind, every in lines.items()}
    letters, _ = prints(2 * few, LETTERS, purpose, random)
    paired = [pairs(min(PART, few - start), digits, random) for start in range(0, few, PART)]
    return drawn | {"letters": letters, "pairs": np.concatenate(paired)}


def strokes(random: np.random.Generator) -> np.ndarray:
    """Return the segments, (k, 2, 2), of two to five straight or bent lines that often begin where others end."""
    ends, segments = [random.random(2)], []
    for _ in range(random.integers(2, 6)):
        start = ends[random.integers(len(ends))] if random.random() < 0.7 else random.random(2)
        aligned = random.integers(3, size=2) / 2 + 0.2 * (random.random(2) - 0.5)  # like letters: on a line or halfway
        end = aligned if random.random() < 0.7 else random.random(2)
        bend = 0.9 * (random.random(2) - 0.5) if random.random() < 0.4 else np.zeros(2)
        control = (start + end) / 2 + bend
        t = np.linspace(0, 1, 9 if bend.any() else 2)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
        segments.append(np.stack([curve[:-1], curve[1:]], axis=1))
        ends += [end, (start + end) / 2]
    return np.concatenate(segments)


def scribble(random: np.random.Generator) -> np.ndarray:
    """Return the segments, (k, 2, 2), of a random walk whose corners are cut twice (Chaikin 1974)."""
    points = np.cumsum(random.random((random.integers(5, 25), 2)) - 0.5, axis=0)
    for _ in range(2):
        a, b = points[:-1], points[1:]
        points = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
    return np.stack([points[:-1], points[1:]], axis=1)


def ink(segments: np.ndarray, width: float) -> np.ndarray:
    """Draw segments (k, 2, 2), scaled to fit, with a pen `width` pixels wide: (28, 28) uint8."""
    low, high = segments.min(axis=(0, 1)), segments.max(axis=(0, 1))
    scale = (FIT - width) / max((high - low).max(), 1e-9)
    (y, x), (y1, x1) = ((segments - (low + high) / 2) * scale + CENTRE).transpose(1, 2, 0)[..., None, None]
    dy, dx = y1 - y, x1 - x
    rows, columns = GRID[:, None], GRID
    along = ((rows - y) * dy + (columns - x) * dx) / np.maximum(dy * dy + dx * dx, 1e-9)
    along = np.clip(along, 0, 1)
    distance = np.sqrt(((rows - y - along * dy) ** 2 + (columns - x - along * dx) ** 2).min(axis=0))
    levels = np.rint(255 * np.clip(width / 2 + 0.5 - distance, 0, 1)).astype(np.int64)
    return centred(levels)


def pairs(n: int, images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return n images of two digits side by side that touch or almost touch, scaled to fit: (n, 28, 28) uint8."""
    chosen = to_float(images[random.integers(len(images), size=2 * n)])
    first, second = chosen[:n], chosen[n:]
    (left, width), (left2, width2) = extent(first), extent(second)
    step = width - 3 * random.random(n)
    scale = FIT / np.maximum(step + width2, FIT)
    rows = (GRID - CENTRE) / scale[:, None] + CENTRE
    parts = []
    for digits, start, offset in ((first, left, 0), (second, left2, step)):
        columns = (GRID - MARGIN) / scale[:, None] + (start - offset)[:, None]
        where = np.stack(np.broadcast_arrays(rows[:, :, None], columns[:, None, :]), axis=1).astype(np.float32)
        parts.append(sample(digits, where))
    return to_levels(np.maximum(*parts))


def extent(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first column with ink and the number of columns of each image: (n,) and (n,)."""
    columns = np.any(images > 0.2, axis=1)
    first = columns.argmax(axis=1)
    return first, SHAPE[1] - columns[:, ::-1].argmax(axis=1) - first
