"""Fit the network to the training split; the validation split is only watched.

Reads  data/normalized/{train,validation}.
Writes models/model.keras, reports/train/history.csv, one row for each epoch as it ends, and metrics.json, the
measures of the validation split after the last epoch: experiments are chosen by them.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

from common import params
from common.files import save_json
from common.lock import run_stage
from common.params import Dataset, Model, Train
from contracts import archive, dataset
from network.build import build
from network.checkpoint import Checkpoint
from network.determinism import steady
from network.fit import fit, require_probabilities

FOLDERS = [dataset.FOLDER / name for name in ("train", "validation")]
HISTORY = Path("reports/train/history.csv")
METRICS = Path("reports/train/metrics.json")


def main() -> None:
    settings, architecture = params.load(Train), params.load(Model)
    classes = len(params.load(Dataset).class_names)
    train, validation = map(dataset.load, FOLDERS)
    network = steady(lambda: build(architecture, classes, settings.seed))
    require_probabilities(network, classes)
    saved = Checkpoint("train", FOLDERS, f"{settings} {architecture} {classes}", HISTORY, settings.epochs)
    with saved.reported():
        fit(network, train, validation, settings, saved)

        archive.save(network)
        save_json(METRICS, saved.last())
    saved.discard()
    print(f"train: {network.count_params():,} weights, {settings.epochs} epochs; {archive.PATH}")


if __name__ == "__main__":
    run_stage(main)
