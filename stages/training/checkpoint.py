"""What a killed training leaves for the next one: the state after its last whole epoch.

A checkpoint lies outside the stage's outputs, which DVC deletes before a stage runs. Its name is the digest of
everything that the result depends on, so that a stale one is never used.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from common.determinism import keras
from common.files import atomic_write

FOLDER = Path(".checkpoints")


def path_for(folders: Iterable[Path], settings: str) -> Path:
    """Name the checkpoint after the input files, the settings, the versions and the code of this process."""
    digest = hashlib.sha256(f"{settings} keras {keras.version()} numpy {np.__version__}".encode())
    stages = f"{Path(__file__).parents[1]}{os.sep}"
    loaded = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    code = [path for path in loaded if path.startswith(stages)]
    data = [path for folder in folders for path in folder.iterdir()]
    for path in [*sorted(code), *sorted(data)]:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return FOLDER / f"{digest.hexdigest()[:32]}.npz"


def state(model: keras.Model) -> list:
    """Return the variables that the next step depends on: the weights, and Adam's moments and step count."""
    model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]


class Checkpoint(keras.callbacks.Callback):
    """Save the state and the history file after each epoch, in one file and in one step."""

    def __init__(self, folders: Iterable[Path], settings: str, history: Path):
        super().__init__()
        self.path, self.history = path_for(folders, settings), history

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(state(self.model))}
        with atomic_write(self.path) as part, part.open("wb") as file:
            np.savez(file, epochs=epoch + 1, history=np.frombuffer(self.history.read_bytes(), np.uint8), **arrays)

    def restore(self, model: keras.Model) -> int:
        """Put the model, its optimizer and the history file where they were; return the number of epochs done, or 0."""
        if not self.path.exists():
            return 0
        with np.load(self.path) as saved:
            for i, variable in enumerate(state(model)):
                variable.assign(saved[f"v{i}"])
            self.history.write_bytes(saved["history"].tobytes())
            return int(saved["epochs"])

    def discard(self) -> None:
        """Forget every checkpoint: the training has succeeded."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
