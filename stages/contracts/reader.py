"""The contract of the reader, the network for pictures that people take: where it looks, and when it is sure.

It has an output more than there are classes, the last: ink that is no single digit. `stages/page/web/network.js` does
the same in a browser.
"""

from pathlib import Path

import numpy as np

PATH = Path("models/reader.keras")
METRICS = Path("reports/reader/metrics.json")
# A digit that is moved by a pixel stays what it is, and what is none often does not: the mean over five places is a
# better measure of being sure than one look.
PLACES = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]  # rows, columns


def move(images: np.ndarray) -> np.ndarray:
    """Return the images (n, 28, 28) at the five places of PLACES, black where they come from: (5 n, 28, 28)."""
    height, width = images.shape[1:]
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    return np.concatenate([padded[:, 1 - y : 1 - y + height, 1 - x : 1 - x + width] for y, x in PLACES])


def average(probabilities: np.ndarray) -> np.ndarray:
    """Return the mean over the places, (n, outputs), of what the network says of `move(images)`, (5 n, outputs)."""
    return probabilities.reshape(len(PLACES), -1, probabilities.shape[1]).mean(axis=0)
