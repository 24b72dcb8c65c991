"""The format of one split on disk: a folder with images.npy and labels.npy, rows in the same order.

`.npy` rather than `.npz`, because it can be memory-mapped: a reader needs only the rows it touches.
"""

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write, require, rerun_hint

SHAPE = (28, 28)
FOLDER = Path("data/normalized")
MAPPED = 2**28  # bytes; larger files do not stay in the memory of a process (the largest of MNIST has 151 MB)


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

    Raises PipelineError when a file is missing, is no array, or has another shape or dtype than the contract.
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


def fits_in_memory(array: np.ndarray) -> bool:
    """Return whether an array may stay in memory: it is not memory-mapped, or has at most MAPPED bytes."""
    return getattr(array, "_mmap", None) is None or array.nbytes <= MAPPED


def gather(images: np.ndarray, index: np.ndarray, target: np.ndarray) -> None:
    """Write images[index] into `target`; rows of a large memory map are read from its file instead.

    Each access to a map loads the pages around it; random access would soon load the whole file.
    """
    if not isinstance(images, np.memmap) or fits_in_memory(images):
        np.take(images, index, axis=0, out=target, mode="clip")  # any other mode makes a copy first
        return
    assert images.filename and images.offset is not None
    with open(images.filename, "rb", buffering=0) as file:
        for row, i in zip(target, index.tolist(), strict=True):
            file.seek(images.offset + i * row.nbytes)
            file.readinto(row)


def release(array: np.ndarray) -> None:
    """Release the pages of a large memory map from this process; the system may keep them in its cache.

    Called every few megabytes, it bounds the memory of a stage, however large the file is. The pages of an array that
    `fits_in_memory` accepts stay: taken out, they would fault anew in every epoch.
    """
    if not fits_in_memory(array) and hasattr(mmap, "MADV_DONTNEED"):  # Windows has no such call
        array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
