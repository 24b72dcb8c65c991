"""The format of one split on disk: a folder with images.npy and labels.npy, rows in the same order.

`.npy` rather than `.npz`, because it can be memory-mapped: a reader needs only the rows it touches.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write, readable, rerun_hint

SHAPE = (28, 28)
FOLDER = Path("data/normalized")
CHUNK = 10_000  # images; 31 MB as float32


class Split(NamedTuple):
    images: np.ndarray  # (n, 28, 28) float32 in [0, 1], memory-mapped
    labels: np.ndarray  # (n,) uint8


def save(folder: Path, grey: np.ndarray, labels: np.ndarray, index: np.ndarray) -> None:
    """Write the images and labels at `index` as a split, in chunks, because it may be larger than memory.

    grey: (n, 28, 28) uint8, 0 is background and 255 is ink; labels: (n,) uint8.
    """
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(index), *SHAPE)}
    with atomic_write(folder / "images.npy") as part, part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)  # no memory map, which a full disk ends with a signal
        for start in range(0, len(index), CHUNK):
            file.write((grey[index[start : start + CHUNK]] / np.float32(255)).tobytes())
    with atomic_write(folder / "labels.npy") as part, part.open("wb") as file:
        np.save(file, labels[index].astype(np.uint8, copy=False))


def load(folder: Path) -> Split:
    """Open a split that `save` wrote. Raises PipelineError when a file is missing, damaged or of another format."""
    arrays = []
    for name in Split._fields:
        with readable(path := folder / f"{name}.npy", "normalize"):
            arrays.append(np.load(path, mmap_mode="r"))
    n = arrays[1].size
    expected = f"float32 {(n, *SHAPE)} and uint8 {(n,)}"
    found = " and ".join(f"{array.dtype} {array.shape}" for array in arrays)
    if found != expected:
        raise PipelineError(f"{folder}: expected arrays {expected}, found {found}; {rerun_hint('normalize')}")
    return Split(*arrays)


def grey_levels(images: np.ndarray) -> np.ndarray:
    """Return images in [0, 1], float32 multiples of 1/255, as grey levels uint8."""
    return np.rint(images * np.float32(255)).astype(np.uint8)
