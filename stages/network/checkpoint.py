"""The history of a training, and the state after its last whole epoch, from which an interrupted one resumes.

A checkpoint lies outside the stage's outputs, which DVC deletes before a stage runs. Its name is the digest of
everything that the result depends on, so a stale one is never used.
"""

import hashlib
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write
from network.determinism import keras

FOLDER = Path(".checkpoints")
PROJECT = Path(__file__).parents[2]
COLUMNS = ["accuracy", "loss", "val_accuracy", "val_loss"]  # of the history, after the number of the epoch


class Diverged(PipelineError):
    """The loss is no longer a number; the same settings would lead there again."""


def path_for(stage: str, folders: Iterable[Path], settings: str) -> Path:
    """Name the checkpoint after the input files, the settings, and the versions and the code of this process."""
    modules = dict(sys.modules)
    versions = [
        f"{name} {m.__version__}" for name, m in modules.items() if "." not in name and hasattr(m, "__version__")
    ]
    digest = hashlib.sha256(f"{settings} {sorted(versions)}".encode())
    loaded = {getattr(module, "__file__", None) or "" for module in modules.values()}
    code = [path for path in loaded if path.startswith(f"{PROJECT}{os.sep}") and not path.startswith(sys.prefix)]
    data = [path for folder in folders for path in folder.iterdir()]
    for path in [*sorted(code), *sorted(data)]:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return FOLDER / f"{stage}-{digest.hexdigest()[:32]}.npz"


def state(model: keras.Model) -> list:
    """Return the variables that the next step depends on: the weights, and Adam's moments and step count."""
    model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]


class Checkpoint(keras.callbacks.Callback):
    """After each epoch, save the history as a CSV file, and the state beside the history in one file; print the row.

    rows: the values of COLUMNS for each epoch so far. The archive holds `history`, these rows as (epochs, columns)
    float64, and the variables v0, v1, ...
    """

    def __init__(self, stage: str, folders: Iterable[Path], settings: str, history: Path, epochs: int):
        """Describe the training of `epochs` epochs whose result depends on the files of `folders` and on `settings`."""
        super().__init__()
        self.stage, self.history, self.epochs = stage, history, epochs
        self.path = path_for(stage, folders, settings)
        self.rows: list[list[float]] = []
        self.saved = 0  # epochs that the next run need not train

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Raises Diverged when the loss is no longer a number."""
        row = [float(logs[name]) for name in COLUMNS]
        if not all(map(math.isfinite, row)):
            found = ", ".join(f"{name} {value:g}" for name, value in zip(COLUMNS, row, strict=True))
            raise Diverged(f"epoch {epoch + 1} ended with {found}: choose a smaller {self.stage}.learning_rate")
        self.rows.append(row)
        self.save_history()
        shown = (f"{name} {value:.4f}" for name, value in zip(COLUMNS, row, strict=True))
        print(f"epoch {epoch + 1:>3}/{self.epochs}", *shown, sep="  ", flush=True)
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(state(self.model))}
        with atomic_write(self.path) as part, part.open("wb") as file:
            np.savez(file, history=np.array(self.rows, np.float64), **arrays)
        self.saved = epoch + 1

    def save_history(self) -> None:
        lines = [",".join([str(epoch), *(f"{value:.6f}" for value in row)]) for epoch, row in enumerate(self.rows, 1)]
        with atomic_write(self.history) as part:
            text = "\n".join([",".join(["epoch", *COLUMNS]), *lines, ""])
            part.write_text(text, encoding="utf-8", newline="\n")

    def last(self) -> dict[str, float]:
        """Return the measures of the validation split after the last epoch, rounded as in the history."""
        values = dict(zip(COLUMNS, self.rows[-1], strict=True))
        return {name: round(values[name], 6) for name in ("val_accuracy", "val_loss")}

    def restore(self, model: keras.Model) -> int:
        """Restore the model, its optimizer and the history; return the number of epochs done, or 0.

        A file that is not what this class writes for this model is removed, with a line on standard error.
        """
        if not self.path.exists():
            return 0
        variables = state(model)
        try:
            history, *values = self.read(variables)
        except Exception as error:  # a damaged archive makes libraries raise anything
            found = " ".join(str(error).split())
            print(f"{self.stage}: {self.path} is not a checkpoint ({found}); starting over", file=sys.stderr)
            self.path.unlink()
            return 0
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.rows = history.tolist()
        self.save_history()
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
        if history.ndim != 2 or not 1 <= len(history) <= self.epochs:
            raise ValueError(f"expected 1 to {self.epochs} epochs, found {history.shape}")
        shapes = [((len(history), len(COLUMNS)), "float64"), *((tuple(v.shape), v.dtype) for v in variables)]
        for name, array, (shape, dtype) in zip(names, arrays, shapes, strict=True):
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name}: expected {dtype} {shape}, found {array.dtype} {array.shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name}: expected finite numbers")
        return arrays

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Add to an interrupt how far the training came and how it continues; discard a training that diverged."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            following = "goes on from there" if self.saved else "starts from the beginning"
            interrupt.add_note(f"after epoch {self.saved} of {self.epochs}; run it again, and it {following}")
            raise
        except Diverged:
            self.discard()
            raise

    def discard(self) -> None:
        """Delete this checkpoint, and its folder if it holds no other."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()
