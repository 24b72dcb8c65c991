"""MNIST, identified by the SHA-256 of its files: the reader is trained on it, whatever data the pipeline uses."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common.params import Download
from contracts.dataset import SHAPE
from sources.source import bring

RAW = "data/raw"  # where the pipeline keeps its own data, which usually is MNIST
HEADER = {"images": 16, "labels": 8}  # bytes of an IDX file before its values


def load(settings: Download) -> list[np.ndarray]:
    """Return training images (n, 28, 28) uint8, their labels (n,) uint8, test images and their labels, as published.

    The files come from data/raw if it holds them, otherwise from the first source that has them. Raises PipelineError,
    with the reason for each source, when there is none.
    """
    digests = settings.sha256.model_dump(by_alias=True)
    with TemporaryDirectory() as folder:
        bring([RAW, *settings.sources], digests, Path(folder))
        return [read(Path(folder, name)) for name in digests]


def read(path: Path) -> np.ndarray:
    """Return the images (n, 28, 28) or labels (n,) of an IDX file, uint8."""
    kind = path.name.split("-")[1]
    values = np.fromfile(path, np.uint8, offset=HEADER[kind])
    return values.reshape(-1, *SHAPE) if kind == "images" else values
