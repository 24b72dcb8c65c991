"""Read the weights from the archive of the network without Keras, whose import takes seconds."""

import io
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np

from common.errors import PipelineError
from common.files import require, rerun_hint


def load(path: Path, stage: str = "train") -> dict[str, np.ndarray]:
    """Return the layers' arrays by their names in the archive, `dense_1/vars/0` and so on, in the order of the layers.

    The kernel of a dense layer, (inputs, outputs) float32, is its variable 0 and the bias, (outputs,), its variable 1.
    Raises PipelineError, which names the stage that writes it, when the archive is missing or damaged.
    """
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    try:
        with zipfile.ZipFile(require(path, stage)) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content) as file:
            file["layers"].visititems(collect)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise PipelineError(
            f"{path} is not a Keras archive ({' '.join(str(error).split())[:200]}); {rerun_hint(stage)}"
        ) from None
    return dict(sorted(arrays.items(), key=lambda item: split_numbers(item[0])))


def split_numbers(name: str) -> list[str | int]:
    """Return a name as a key that sorts `dense_10` behind `dense_2`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
