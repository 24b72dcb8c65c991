"""What another pen makes of a digit, and the lines of its paper."""

import functools
from collections.abc import Callable, Iterator

import numpy as np

from contracts.dataset import SHAPE
from network.sampling import CENTRE, pad, sample


def spoil(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return the images, (n, 28, 28) float32 in [0, 1], a `share` of them as they come from ruled or squared paper.

    Who takes the lines away takes a piece of the digit with them, or leaves a piece of a line. What is left over makes
    the digit smaller, because the two together are scaled to fit.
    """
    some = np.flatnonzero(random.random(len(images)) < share)
    left_over, down = random.random((2, len(some), 1, 1)) < 0.5
    shrink, at, start, length, ink = random.random((5, len(some), 1))
    width = random.integers(1, 4, (len(some), 1))
    pixels = np.arange(SHAPE[0])
    spoilt, smaller = images[some], left_over[:, 0, 0]
    grid = (pixels - CENTRE) * (1 + 0.6 * shrink[smaller]) + CENTRE
    where = np.stack(np.broadcast_arrays(grid[:, :, None], grid[:, None, :]), axis=1)
    spoilt[smaller] = sample(spoilt[smaller], where.astype(np.float32))
    first, begin = np.floor(4 + 19 * at), np.floor(3 + 12 * start)
    across = (pixels >= first) & (pixels < first + width)
    along = (pixels >= begin) & (pixels < begin + 3 + 17 * length)
    line = np.where(down, along[:, :, None] & across[:, None, :], across[:, :, None] & along[:, None, :])
    drawn = np.maximum(spoilt, line * (0.4 + 0.6 * ink[:, :, None]))
    changed = images.copy()
    changed[some] = np.where(left_over, drawn, np.where(line, 0, spoilt))
    return changed


def change_pen(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return the images, (n, 28, 28) float32 in [0, 1], a `share` of them as another pen writes."""
    kind = np.floor(random.random(len(images)) * (len(PENS) / share)).astype(np.intp)
    changed = images.copy()
    for number, pen in enumerate(PENS):
        some = kind == number
        changed[some] = pen(images[some])
    return changed


def neighbours(images: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yield the images as seen from each pixel of a square, up and to the left; 0 comes in from beyond their edges."""
    height, width = images.shape[1:]
    padded = pad(images, side - 1, 0)
    for y in range(side):
        for x in range(side):
            yield padded[:, y : y + height, x : x + width]


def thicker(images: np.ndarray, side: int = 2) -> np.ndarray:
    return functools.reduce(np.maximum, neighbours(images, side))


def thinner(images: np.ndarray) -> np.ndarray:
    """Return the thinner strokes, but an image as it is where nothing dark would be left of it."""
    thin = functools.reduce(np.minimum, neighbours(images, 2))
    return np.where(thin.max(axis=(1, 2), keepdims=True) < 0.5, images, thin)


def softer(images: np.ndarray) -> np.ndarray:
    return functools.reduce(np.add, neighbours(images, 2)) * np.float32(0.25)


PENS: list[Callable[[np.ndarray], np.ndarray]] = [
    thicker,
    functools.partial(thicker, side=3),
    thinner,
    softer,
    lambda images: softer(softer(images)),
    lambda images: np.minimum(images * np.float32(1.6), 1),
]
