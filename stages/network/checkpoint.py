"""What a killed training leaves for the next one: the state after its last whole epoch.

A checkpoint lies outside the stage's outputs, which DVC deletes before a stage runs. Its name is the digest of
everything that the result depends on, so that a stale one is never used.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common.files import atomic_write
from network.determinism import keras
from network.history import COLUMNS, Diverged, History

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
    """Save the state and the history after each epoch, in one file and in one step; set it as callback after History.

    The archive holds `history`, (epochs, columns) float64, and the variables v0, v1, ...
    """

    def __init__(self, folders: Iterable[Path], settings: str, history: History):
        super().__init__()
        self.path, self.history = path_for(folders, settings), history
        self.saved = 0  # epochs that the next run need not train

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(state(self.model))}
        with atomic_write(self.path) as part, part.open("wb") as file:
            np.savez(file, history=np.array(self.history.rows, np.float64), **arrays)
        self.saved = epoch + 1

    def restore(self, model: keras.Model) -> int:
        """Put the model, its optimizer and the history where they were; return the number of epochs done, or 0.

        A file that is not what this class writes for this model is removed with a line on standard error.
        """
        if not self.path.exists():
            return 0
        variables = state(model)
        try:
            history, *values = self.read(variables)
        except Exception as error:  # a damaged archive makes libraries raise anything
            found = " ".join(str(error).split())
            print(f"train: {self.path} is not a checkpoint ({found}); starting from the first epoch", file=sys.stderr)
            self.path.unlink()
            return 0
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.history.rows = history.tolist()
        self.history.save()
        self.saved = len(history)
        return self.saved

    def read(self, variables: Sequence) -> list[np.ndarray]:
        """Return the history and a value for each variable. Raises ValueError, or what reading an archive raises."""
        names = ["history", *(f"v{i}" for i in range(len(variables)))]
        with open(self.path, "rb") as file:
            saved = np.load(file)
            if not isinstance(saved, np.lib.npyio.NpzFile):
                raise ValueError("expected an archive, found an array")
            if sorted(saved.files) != sorted(names):
                raise ValueError(f"expected {len(names)} arrays, found {len(saved.files)}")
            history, *values = arrays = [saved[name] for name in names]
        if history.ndim != 2 or not 1 <= len(history) <= self.history.epochs:
            raise ValueError(f"expected 1 to {self.history.epochs} epochs, found {history.shape}")
        shapes = [((len(history), len(COLUMNS)), "float64"), *((tuple(v.shape), v.dtype) for v in variables)]
        for name, array, (shape, dtype) in zip(names, arrays, shapes, strict=True):
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name}: expected {dtype} {shape}, found {array.dtype} {array.shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name}: expected finite numbers")
        return arrays

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Say with an interrupt how far the training came and what goes on; leave nothing of one that diverged."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            following = "goes on from there" if self.saved else "starts from the beginning"
            interrupt.add_note(f"after epoch {self.saved} of {self.history.epochs}; run it again, and it {following}")
            raise
        except Diverged:
            self.discard()
            raise

    def discard(self) -> None:
        """Forget every checkpoint: the training has succeeded, or would fail again."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
