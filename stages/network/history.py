"""The history of a training: a row for each epoch."""

import math
from pathlib import Path

from common.errors import PipelineError
from common.files import atomic_write
from network.determinism import keras

COLUMNS = ["accuracy", "loss", "val_accuracy", "val_loss"]


class Diverged(PipelineError):
    """The training went wrong for good: with the same settings it would do so again."""


class History(keras.callbacks.Callback):
    """Keep a CSV file of all epochs, and print each as it ends.

    rows: one for each epoch, the values of COLUMNS. The file is written whole from them after each epoch, so it holds
    these rows and no others, whatever was there before.
    """

    def __init__(self, path: Path, epochs: int):
        super().__init__()
        self.path, self.epochs = path, epochs
        self.rows: list[list[float]] = []

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Raises Diverged when the loss is no longer a number."""
        row = [float(logs[name]) for name in COLUMNS]
        if not all(map(math.isfinite, row)):
            found = ", ".join(f"{name} {value:g}" for name, value in zip(COLUMNS, row, strict=True))
            raise Diverged(f"epoch {epoch + 1} ended with {found}: choose a smaller train.learning_rate")
        self.rows.append(row)
        self.save()
        shown = (f"{name} {value:.4f}" for name, value in zip(COLUMNS, row, strict=True))
        print(f"epoch {epoch + 1:>3}/{self.epochs}", *shown, sep="  ", flush=True)

    def save(self) -> None:
        lines = [",".join([str(epoch), *(f"{value:.6f}" for value in row)]) for epoch, row in enumerate(self.rows, 1)]
        with atomic_write(self.path) as part:
            text = "\n".join([",".join(["epoch", *COLUMNS]), *lines, ""])
            part.write_text(text, encoding="utf-8", newline="\n")

    def last(self) -> dict[str, float]:
        """Return what the last row says of the validation split, as the file has it."""
        values = dict(zip(COLUMNS, self.rows[-1], strict=True))
        return {name: round(values[name], 6) for name in ("val_accuracy", "val_loss")}
