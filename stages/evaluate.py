"""Measure the network on the test split, and save its validation predictions, which model selection uses.

Reads  data/normalized/{test,validation} and models/model.keras.
Writes reports/evaluate/metrics.json and, with the columns of contracts/tables.py, predictions.csv (a row for
each test image in the published order), validation_predictions.csv, per_digit.csv, calibration.csv, ambiguous.csv and
robustness.csv. All but validation_predictions.csv are of the test split: choose settings
by validation accuracy; choosing by test accuracy would bias it.
"""

import common.interrupts  # noqa: F401

from collections.abc import Callable

import numpy as np
import pandas as pd

from common import params
from common.errors import PipelineError
from common.files import rerun_hint, save_json
from common.lock import run_stage
from common.params import Dataset, Evaluate
from contracts import archive, dataset, tables
from evaluation import measures, robustness
from network import predict


def require_outputs(probabilities: np.ndarray, names: list[str]) -> None:
    """Raise PipelineError unless there is a probability for each name."""
    if probabilities.shape[1] != len(names):
        raise PipelineError(
            f"{archive.PATH}: expected {len(names)} outputs, found {probabilities.shape[1]}; {rerun_hint('train')}"
        )


def measure_robustness(network: Callable, images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return accuracy and mean confidence on changed test images, (n, 28, 28) float32, and on non-digits."""
    rows = []
    for change, amount, grey, with_digits in robustness.variants(dataset.grey_levels(images)):
        probabilities = predict.predict(network, grey / np.float32(255))
        accuracy = (probabilities.argmax(axis=1) == labels).mean() if with_digits else None
        rows.append((change, amount, len(grey), accuracy, probabilities.max(axis=1).mean(dtype=np.float64)))
    return pd.DataFrame(rows, columns=[*tables.COLUMNS[tables.ROBUSTNESS]])


def main() -> None:
    settings, names = params.load(Evaluate), params.load(Dataset).class_names
    test, network = dataset.load(dataset.FOLDER / "test"), predict.compiled(predict.load())
    validation = dataset.load(dataset.FOLDER / "validation")
    probabilities, watched = (predict.predict(network, split.images) for split in (test, validation))
    require_outputs(probabilities, names)
    predictions = measures.list_predictions(probabilities, test.labels)
    digits = measures.measure_digits(predictions, names)
    calibration = measures.calibrate(predictions, settings.calibration_bins)
    metrics = measures.measure(probabilities, predictions, digits, calibration, settings.confidence_level)
    changes = measure_robustness(network, test.images, test.labels)

    tables.save(tables.PREDICTIONS, predictions)
    tables.save(tables.VALIDATION_PREDICTIONS, measures.list_predictions(watched, validation.labels))
    tables.save(tables.PER_DIGIT, digits)
    tables.save(tables.CALIBRATION, calibration)
    tables.save(tables.AMBIGUOUS, measures.most_ambiguous(probabilities, test.labels, settings.ambiguous))
    tables.save(tables.ROBUSTNESS, changes)
    save_json(tables.EVALUATE / "metrics.json", metrics)
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    print(
        f"evaluate: test accuracy {100 * metrics['accuracy']:.2f} % "
        f"({100 * settings.confidence_level:g} % interval {low:.1f}-{high:.1f}, n = {metrics['images']:,})"
    )


if __name__ == "__main__":
    run_stage(main)
