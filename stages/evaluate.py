"""Measure the network on the test split, and write down its answers to the validation images, which choices rest on.

Reads  data/normalized/{test,validation} and models/model.keras.
Writes reports/evaluate/metrics.json and, with the columns that common/tables.py describes, predictions.csv (a row for
each test image in the published order), validation_predictions.csv, per_digit.csv, calibration.csv, ambiguous.csv and
robustness.csv. All but validation_predictions.csv are of the test split: settings are chosen on the validation split;
test accuracy is reported for every revision, so do not select on it.
"""

import common.interrupts  # noqa: F401

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from common import arithmetic, dataset, model, params, robustness, tables, wilson
from common.determinism import keras, tf
from common.errors import PipelineError, run
from common.files import again, save_json
from common.lock import held
from parameters.dataset import Dataset
from parameters.evaluate import Evaluate

REPORTS = Path("reports/evaluate")
PREDICTIONS = {"test": REPORTS / "predictions.csv", "validation": REPORTS / "validation_predictions.csv"}
BATCH = 2_000  # images


def load_network() -> Callable[[tf.Tensor], tf.Tensor]:
    """Open the trained network: a function from BATCH images to their probabilities, computed as in training."""
    network = model.load()
    arithmetic.require_covered(network.layers)
    return tf.function(partial(arithmetic.probabilities, network.layers), autograph=False, jit_compile=True)


def predict(network: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes) float32 for images (n, 28, 28) float32 in [0, 1].

    The last batch is padded with blank images, because XLA compiles once per batch size.
    """
    missing = -len(images) % BATCH
    full = np.concatenate([images, np.zeros((missing, *dataset.SHAPE), np.float32)]) if missing else images
    answers = [network(tf.constant(full[start : start + BATCH])).numpy() for start in range(0, len(full), BATCH)]
    return np.concatenate(answers)[: len(images)]


def require_outputs(probabilities: np.ndarray, names: list[str]) -> None:
    """Raise PipelineError unless there is a probability for each name."""
    if probabilities.shape[1] != len(names):
        raise PipelineError(
            f"{model.PATH}: expected {len(names)} outputs, found {probabilities.shape[1]}; {again('train')}"
        )


def list_predictions(probabilities: np.ndarray, labels: np.ndarray) -> list[tables.Prediction]:
    """Return the prediction for each image, in order; ties go to the lower label."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    columns = (labels, predicted, confidence, losses(probabilities, labels), brier_scores(probabilities, labels))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [tables.Prediction(i, *row) for i, row in enumerate(rows)]


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the negative log-likelihood of each label in nats, (n,) float64.

    It is Keras' sparse_categorical_crossentropy, which takes a probability below 1e-7 for 1e-7.
    """
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(of_label.clip(keras.config.epsilon(), 1)) + 0.0  # no -0.0


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the score of Brier (1950), Monthly Weather Review 78, 1, eq. 2, of each image: 0 is best, 2 worst."""
    outcomes = np.eye(probabilities.shape[1])[labels]
    return ((probabilities - outcomes) ** 2).sum(axis=1)


def measure_digits(predicted: np.ndarray, labels: np.ndarray, names: list[str]) -> list[tables.Digit]:
    """Return precision, recall and F1 of each digit; 0 / 0 counts as 0, for a digit that is never seen or predicted.

    predicted, labels: (n,) integers.
    """
    hits, actual, answers = (
        np.bincount(values, minlength=len(names)) for values in (labels[labels == predicted], labels, predicted)
    )
    precision, recall = hits / np.maximum(answers, 1), hits / np.maximum(actual, 1)
    f1 = 2 * hits / np.maximum(answers + actual, 1)
    rows = zip(names, *(column.tolist() for column in (actual, precision, recall, f1)), strict=True)
    return [tables.Digit(name, n, *(measures if n else [None] * 3)) for name, n, *measures in rows]


def calibrate(confidence: np.ndarray, correct: np.ndarray, bins: int) -> list[tables.Bin]:
    """Compare confidence with accuracy in bins of equal width, without the empty ones.

    confidence: (n,) float32 in (0, 1]; correct: (n,) bool.
    """
    edges = np.arange(bins + 1) / bins
    bin_of = np.digitize(confidence, edges[1:-1], right=True)
    return [
        tables.Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            images=int((bin_of == i).sum()),
            confidence=float(confidence[bin_of == i].mean(dtype=np.float64)),
            accuracy=float(correct[bin_of == i].mean()),
        )
        for i in np.unique(bin_of)
    ]


def calibration_error(calibration: Sequence[tables.Bin]) -> float:
    """Return the expected calibration error of Guo et al. (2017), On calibration of modern neural networks, eq. 3."""
    gaps = [b.images * abs(b.accuracy - b.confidence) for b in calibration]
    return sum(gaps) / sum(b.images for b in calibration)


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    digits: Sequence[tables.Digit],
    calibration: Sequence[tables.Bin],
    level: float,
) -> dict:
    """Return the content of metrics.json: accuracy with its interval, macro averages and scores of the confidence.

    probabilities: (n, classes) float32; labels: (n,) integers. Loss and Brier score are means over the images. The
    macro averages are those of the digits that have images, each counted once. Six decimals: the last bits of a
    logarithm depend on the C library.
    """
    correct = probabilities.argmax(axis=1) == labels
    seen = [digit for digit in digits if digit.images]
    low, high = wilson.interval(int(correct.sum()), len(labels), level)
    return {
        "accuracy": round(float(correct.mean()), 6),
        "accuracy_interval": {"low": round(low, 6), "high": round(high, 6)},
        "accuracy_per_digit": {d.digit: round(d.recall, 6) for d in digits if d.recall is not None},
        "brier_score": round(float(brier_scores(probabilities, labels).mean()), 6),
        "errors": int((~correct).sum()),
        "expected_calibration_error": round(calibration_error(calibration), 6),
        "images": len(labels),
        "loss": round(float(losses(probabilities, labels).mean()), 6),
        "macro_average": {
            name: round(sum(getattr(digit, name) for digit in seen) / len(seen), 6)
            for name in ("precision", "recall", "f1")
        },
    }


def most_ambiguous(probabilities: np.ndarray, labels: np.ndarray, number: int) -> list[tables.Ambiguous]:
    """Return the images with the smallest margin between the two most probable digits, smallest first."""
    first, second = np.argsort(-probabilities, axis=1, kind="stable")[:, :2].T
    every = np.arange(len(labels))
    confidence, runner_up_confidence = probabilities[every, first], probabilities[every, second]
    chosen = np.argsort(confidence - runner_up_confidence, kind="stable")[:number]
    columns = (every, labels, first, confidence, second, runner_up_confidence)
    return [tables.Ambiguous(*row) for row in zip(*(column[chosen].tolist() for column in columns), strict=True)]


def measure_robustness(network: Callable, images: np.ndarray, labels: np.ndarray) -> list[tables.Robustness]:
    """Return accuracy and mean confidence on changed test images, (n, 28, 28) float32, and on non-digits."""

    def row(change: str, amount: int, grey: np.ndarray, labels: np.ndarray | None) -> tables.Robustness:
        probabilities = predict(network, grey / np.float32(255))
        accuracy = None if labels is None else float((probabilities.argmax(axis=1) == labels).mean())
        confidence = float(probabilities.max(axis=1).mean(dtype=np.float64))
        return tables.Robustness(change, amount, len(grey), accuracy, confidence)

    digits = ((*variant, labels) for variant in robustness.changed(robustness.grey_levels(images)))
    others = ((shown, 0, grey, None) for shown, grey in robustness.not_digits(len(images)))
    return [row(*variant) for variant in chain(digits, others)]


@held("stage")
def main() -> None:
    settings, names = params.load(Evaluate), params.load(Dataset).class_names
    test, network = dataset.load(dataset.FOLDER / "test"), load_network()
    validation = dataset.load(dataset.FOLDER / "validation")
    probabilities = predict(network, test.images)
    require_outputs(probabilities, names)
    predicted = probabilities.argmax(axis=1)
    digits = measure_digits(predicted, test.labels, names)
    calibration = calibrate(probabilities.max(axis=1), predicted == test.labels, settings.calibration_bins)
    metrics = measure(probabilities, test.labels, digits, calibration, settings.confidence_level)
    changes = measure_robustness(network, test.images, test.labels)

    tables.save(PREDICTIONS["test"], list_predictions(probabilities, test.labels))
    tables.save(PREDICTIONS["validation"], list_predictions(predict(network, validation.images), validation.labels))
    tables.save(REPORTS / "per_digit.csv", digits)
    tables.save(REPORTS / "calibration.csv", calibration)
    tables.save(REPORTS / "ambiguous.csv", most_ambiguous(probabilities, test.labels, settings.ambiguous))
    tables.save(REPORTS / "robustness.csv", changes)
    save_json(REPORTS / "metrics.json", metrics)
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    print(
        f"evaluate: test accuracy {100 * metrics['accuracy']:.2f} % "
        f"({100 * settings.confidence_level:g} % interval {low:.1f}-{high:.1f}, n = {metrics['images']:,})"
    )


if __name__ == "__main__":
    run(main)
