"""Connected components of a picture, in NumPy alone: SciPy takes longer to import than a picture to read."""

from typing import NamedTuple

import numpy as np


class Components(NamedTuple):
    labels: np.ndarray  # (h, w) int64, 0 for paper, 1 to n in the order of their first pixels, row by row
    boxes: np.ndarray  # (n, 4) int64: top, bottom, left, right, ends exclusive


def label(mask: np.ndarray, diagonal: bool = True) -> Components:
    """Return the connected components of a mask, (h, w) bool; with `diagonal` a pixel has eight neighbours, else four.

    The runs of the rows are nodes, joined where they touch; each node takes the lowest number that it is joined to.
    """
    height, width = mask.shape
    edges = np.diff(np.pad(mask.astype(np.int8), [(0, 0), (1, 1)]), axis=1)
    (rows, starts), (_, ends) = np.nonzero(edges > 0), np.nonzero(edges < 0)
    stride, reach = width + 2, 1 if diagonal else 0
    above = (rows - 1) * stride
    first = np.searchsorted(rows * stride + ends, above + starts + 1 - reach)
    last = np.searchsorted(rows * stride + starts, above + ends + reach)
    counts = np.maximum(last - first, 0)
    lower = np.repeat(np.arange(len(rows)), counts)
    upper = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    roots = join(len(rows), lower, upper)
    numbers = np.searchsorted(np.unique(roots), roots)

    boxes = np.tile([height, 0, width, 0], (numbers.max(initial=-1) + 1, 1))
    np.minimum.at(boxes[:, 0], numbers, rows)
    np.maximum.at(boxes[:, 1], numbers, rows + 1)
    np.minimum.at(boxes[:, 2], numbers, starts)
    np.maximum.at(boxes[:, 3], numbers, ends)
    steps = np.zeros((height, width + 1), np.int64)
    steps[rows, starts] = numbers + 1
    steps[rows, ends] = -(numbers + 1)
    return Components(np.cumsum(steps, axis=1)[:, :-1], boxes)


def join(n: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return for each of n nodes the lowest that it is connected to by edges one[i] - other[i]: (n,) int64."""
    roots = np.arange(n)
    while len(one):
        a, b = roots[one], roots[other]
        apart = a != b
        one, other, a, b = one[apart], other[apart], a[apart], b[apart]
        np.minimum.at(roots, np.maximum(a, b), np.minimum(a, b))
        while (roots[roots] != roots).any():
            roots = roots[roots]
    return roots


def holes(mask: np.ndarray, smallest: float) -> int:
    """Return how many areas of paper of at least `smallest` pixels are enclosed by the ink of a mask, (h, w) bool."""
    labels, boxes = label(~np.pad(mask, 1), diagonal=False)
    sizes = np.bincount(labels.ravel(), minlength=len(boxes) + 1)
    return int((sizes[2:] >= smallest).sum())  # 0 is ink, and 1 is the paper outside


def slide(values: np.ndarray, size: int, axis: int, operation: np.ufunc = np.maximum) -> np.ndarray:
    """Return the maximum of each `size` neighbours along an axis, which becomes shorter by size - 1."""
    values, covered = np.moveaxis(values, axis, 0), 1
    while covered < size:
        step = min(covered, size - covered)
        values, covered = operation(values[:-step], values[step:]), covered + step
    return np.moveaxis(values, 0, axis)
