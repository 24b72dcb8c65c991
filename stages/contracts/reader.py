"""The contract of the reader, the network for photos and drawings of digits: its weights, and how it is asked.

It has one output more than there are digits, the last: its probability that an image is not a single digit.
`stages/page/web/reading.js` asks it in the same way in a browser.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write

FOLDER = Path("reader/results")
PATH = FOLDER / "network.npz"
METRICS = FOLDER / "metrics.json"
NAMES = list("0123456789")  # what its outputs mean: it was trained on MNIST, whatever data the pipeline uses
# Moved by a pixel, a digit stays what it is, and other ink often does not: the mean over five places is a better
# measure of confidence than one look.
PLACES = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]  # rows, columns


def save_network(layers: Iterable[Sequence[np.ndarray]]) -> None:
    """Write kernel and bias of each layer as float16, half the size; the same bytes for the same weights.

    Not by np.savez, whose zip has other bytes before Python 3.11.4.
    """
    with atomic_write(PATH) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for number, layer in enumerate(layers, 1):
            for name, array in zip(("kernel", "bias"), layer, strict=True):
                np.save(content := io.BytesIO(), array.astype(np.float16))
                archive.writestr(zipfile.ZipInfo(f"{name}_{number}.npy"), content.getvalue())


@contextmanager
def from_git(path: Path) -> Iterator[None]:
    """Raise PipelineError that says how to restore `path` if the block cannot read it."""
    try:
        yield
    except Exception as error:  # NumPy raises anything for a damaged archive
        raise PipelineError(f"{path} is missing or damaged ({error}); restore it with `git restore {FOLDER}`") from None


def load_network() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return kernel (inputs, outputs) and bias (outputs,) of each dense layer as float32, in order.

    ReLU follows each layer but the last, softmax the last.
    """
    with from_git(PATH), np.load(PATH) as archive:
        arrays = [values.astype(np.float32) for values in archive.values()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))


def load_metrics() -> dict:
    """Return the metrics that the reader's training wrote, its confidence threshold among them."""
    with from_git(METRICS):
        return json.loads(METRICS.read_text(encoding="utf-8"))


def move(images: np.ndarray) -> np.ndarray:
    """Return the images (n, 28, 28) at the five places of PLACES, with black moved in: (5 n, 28, 28)."""
    height, width = images.shape[1:]
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    return np.concatenate([padded[:, 1 - y : 1 - y + height, 1 - x : 1 - x + width] for y, x in PLACES])


def average(probabilities: np.ndarray) -> np.ndarray:
    """Return the mean over the places, (n, outputs), of the probabilities of `move(images)`, (5 n, outputs)."""
    return probabilities.reshape(len(PLACES), -1, probabilities.shape[1]).mean(axis=0)
