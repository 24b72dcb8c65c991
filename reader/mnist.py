"""MNIST, identified by the SHA-256 of its files: the reader is trained on it, whatever data the pipeline uses."""

import numpy as np

from common.params import Download
from contracts.dataset import SHAPE
from sources import source

RAW = "data/raw"  # where the pipeline keeps its own data, which usually is MNIST
HEADER = {"images": 16, "labels": 8}  # bytes of an IDX file before its values


def load(settings: Download) -> list[np.ndarray]:
    """Return training images (n, 28, 28) uint8, their labels (n,) uint8, test images and their labels, as published.

    The files come from data/raw if it holds them, otherwise from the first source that has them. Raises PipelineError,
    with the reason for each source, when there is none.
    """
    _, files = source.load([RAW, *settings.sources], settings.sha256.model_dump(by_alias=True))
    arrays = []
    for name, content in files.items():
        kind = name.split("-")[1]
        values = np.frombuffer(content, np.uint8, offset=HEADER[kind])
        arrays.append(values.reshape(-1, *SHAPE) if kind == "images" else values)
    return arrays
