"""The format of one split on disk: a folder with images.npy and labels.npy, rows in the same order.

`.npy` rather than `.npz`, because it can be memory-mapped: a reader needs only the rows it touches.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write, require, rerun_hint

SHAPE = (28, 28)
FOLDER = Path("data/normalized")


class Split(NamedTuple):
    images: np.ndarray  # (n, 28, 28) float32 in [0, 1], memory-mapped
    labels: np.ndarray  # (n,) uint8


def save(folder: Path, chunks: Iterable[np.ndarray], labels: np.ndarray) -> None:
    """Write a split of len(labels) images that arrive in chunks; it may be larger than memory.

    chunks: arrays (m, 28, 28) float32 in [0, 1]; labels: (n,) uint8.
    Raises ValueError when the chunks do not hold exactly one image for each label.
    """
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(labels), *SHAPE)}
    written = 0
    with atomic_write(folder / "images.npy") as part, part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, "<f4").data)
            written += len(chunk)
        if written != len(labels):
            raise ValueError(f"{folder}: {written} images for {len(labels)} labels")
    with atomic_write(folder / "labels.npy") as part, part.open("wb") as file:
        np.save(file, labels.astype(np.uint8, copy=False))


def load(folder: Path) -> Split:
    """Open a split that `save` wrote.

    Raises PipelineError when a file is missing, is not an array, or has another shape or dtype than the contract.
    """
    split = Split(*(open_array(require(folder / name, "normalize")) for name in ("images.npy", "labels.npy")))
    count = len(split.labels)
    for name, array, shape, dtype in [
        ("images", split.images, (count, *SHAPE), np.float32),
        ("labels", split.labels, (count,), np.uint8),
    ]:
        if array.shape != shape or array.dtype != dtype:
            raise PipelineError(
                f"{folder / name}.npy: expected {np.dtype(dtype)} {shape}, found {array.dtype} {array.shape}; "
                f"{rerun_hint('normalize')}"
            )
    return split


def open_array(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise PipelineError(f"{path} is not a NumPy array ({error}); {rerun_hint('normalize')}") from None
