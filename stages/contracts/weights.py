"""Read the weights from the archive of the network without Keras, whose import takes seconds."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from common.files import readable


def load(path: Path) -> dict[str, np.ndarray]:
    """Return the layers' arrays by their names in the archive, `dense_1/vars/0` and so on; those of one kind in order.

    The kernel of a dense layer, (inputs, outputs) float32, is its variable 0 and the bias, (outputs,), its variable 1.
    Raises PipelineError when the archive is missing or damaged.
    """
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with readable(path, "train"):
        content = zipfile.ZipFile(path).read("model.weights.h5")
        h5py.File(io.BytesIO(content))["layers"].visititems(collect)
    return {name: arrays[name] for name in sorted(arrays, key=lambda name: (len(name), name))}  # dense_10 after dense_2
