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
    """The loss is no longer a number; the same settings would diverge again."""


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


class Checkpoint:
    """Saves the history as a CSV file after each epoch, and the state of the training with the history in one archive.

    rows: the values of COLUMNS for each epoch so far. The archive holds them as array 0, float64 (epochs, columns), and
    then each variable.
    """

    def __init__(self, stage: str, folders: Iterable[Path], settings: str, history: Path, epochs: int):
        """Describe the training of `epochs` epochs whose result depends on the files of `folders` and on `settings`."""
        self.stage, self.history, self.epochs = stage, history, epochs
        self.path = path_for(stage, folders, settings)
        self.rows: list[list[float]] = []
        self.saved = 0  # epochs that the next run need not train

    def save(self, row: list[float], variables: Sequence[keras.Variable]) -> None:
        """Save and print the measures of an epoch that has ended, and save the variables.

        Raises Diverged when a measure is not a finite number.
        """
        epoch = len(self.rows) + 1
        if not all(map(math.isfinite, row)):
            found = ", ".join(f"{name} {value:g}" for name, value in zip(COLUMNS, row, strict=True))
            raise Diverged(f"epoch {epoch} ended with {found}: choose a smaller {self.stage}.learning_rate")
        self.rows.append(row)
        self.save_history()
        shown = (f"{name} {value:.4f}" for name, value in zip(COLUMNS, row, strict=True))
        print(f"epoch {epoch:>3}/{self.epochs}", *shown, sep="  ", flush=True)
        arrays = [np.array(self.rows, np.float64), *(variable.numpy() for variable in variables)]
        with atomic_write(self.path) as part, part.open("wb") as file:
            np.savez(file, **{str(i): array for i, array in enumerate(arrays)})
        self.saved = epoch

    def save_history(self) -> None:
        lines = [",".join([str(epoch), *(f"{value:.6f}" for value in row)]) for epoch, row in enumerate(self.rows, 1)]
        with atomic_write(self.history) as part:
            text = "\n".join([",".join(["epoch", *COLUMNS]), *lines, ""])
            part.write_text(text, encoding="utf-8", newline="\n")

    def last(self) -> dict[str, float]:
        """Return the measures of the validation split after the last epoch, rounded as in the history."""
        values = dict(zip(COLUMNS, self.rows[-1], strict=True))
        return {name: round(values[name], 6) for name in ("val_accuracy", "val_loss")}

    def restore(self, variables: Sequence[keras.Variable]) -> int:
        """Restore the variables and the history; return the number of epochs done, or 0.

        A damaged file is removed, with a line on standard error.
        """
        if not self.path.exists():
            return 0
        try:
            with np.load(self.path) as saved:
                history, *values = [saved[str(i)] for i in range(1 + len(variables))]
        except Exception as error:  # libraries raise anything for a damaged archive
            print(f"{self.stage}: dropped the checkpoint {self.path} ({' '.join(str(error).split())})", file=sys.stderr)
            self.path.unlink()
            return 0
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.rows = history.tolist()
        self.save_history()
        self.saved = len(history)
        return self.saved

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
