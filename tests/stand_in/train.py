"""Stands for stages/train.py: mean images, with noise that every parameter of train and model changes.

With HOLD in the environment, the path of a FIFO, it waits in the middle until the other end is closed.
"""

import common.interrupts  # noqa: F401

import hashlib
import os
from pathlib import Path

import numpy as np

from common import params
from common.errors import PipelineError
from common.files import atomic_write, save_json
from common.lock import run_stage
from common.params import Model, Train
from contracts import archive, dataset
from network import predict

REPORTS = Path("reports/train")


def main() -> None:
    settings = params.load(Train)
    train, validation = (dataset.load(dataset.FOLDER / name) for name in ("train", "validation"))
    if settings.batch_size > len(train.labels):
        raise PipelineError(f"train.batch_size: expected at most {len(train.labels)}, found {settings.batch_size}")
    fifo = Path(os.environ.get("HOLD", ""))
    if fifo.is_fifo():
        fifo.read_bytes()
    digest = hashlib.sha256(f"{settings} {params.load(Model)}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    means = np.array([train.images[train.labels == label].mean(axis=0) for label in np.unique(train.labels)])
    with atomic_write(archive.PATH) as part:
        part.write_bytes((means + random.normal(0, 0.3, means.shape)).astype(np.float32).tobytes())

    probabilities = predict.predict(predict.load(), validation.images)
    accuracy = float((probabilities.argmax(axis=1) == validation.labels).mean())
    loss = float(-np.log(probabilities[np.arange(len(validation.labels)), validation.labels]).mean())
    rows = [f"{epoch},{accuracy:.6f},{loss:.6f},{accuracy:.6f},{loss:.6f}" for epoch in range(1, settings.epochs + 1)]
    with atomic_write(REPORTS / "history.csv") as part:
        part.write_text("\n".join(["epoch,accuracy,loss,val_accuracy,val_loss", *rows, ""]))
    save_json(REPORTS / "metrics.json", {"val_accuracy": round(accuracy, 6), "val_loss": round(loss, 6)})


if __name__ == "__main__":
    run_stage(main)
