"""Connected components in NumPy, held to those of SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from reader.reading.components import holes, label

SQUARE, CROSS = np.ones((3, 3)), None  # eight neighbours, or four


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.8, 1])
@pytest.mark.parametrize(("diagonal", "structure"), [(True, SQUARE), (False, CROSS)])
def test_components_are_those_of_scipy(share, diagonal, structure):
    random = np.random.default_rng(0)
    for _ in range(20):
        mask = random.random(random.integers(1, 40, 2)) < share
        found, (expected, number) = label(mask, diagonal), ndimage.label(mask, structure)
        assert len(found.boxes) == number
        pairs = np.unique(np.stack([found.labels.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == len(np.unique(expected))  # one name for each, and 0 for paper
        first = [np.flatnonzero(found.labels.ravel() == i + 1)[0] for i in range(number)]
        assert first == sorted(first)
        for box, (rows, columns) in zip(found.boxes, ndimage.find_objects(found.labels), strict=True):
            assert box.tolist() == [rows.start, rows.stop, columns.start, columns.stop]


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_holes_are_what_scipy_fills(share):
    random = np.random.default_rng(1)
    for _ in range(20):
        mask = random.random((30, 25)) < share
        areas, number = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
        assert holes(mask, 1) == number
        assert holes(mask, 3) == (np.bincount(areas.ravel())[1:] >= 3).sum()
