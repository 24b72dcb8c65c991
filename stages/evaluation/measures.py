"""Scores, tables and calibration of predicted probabilities."""

from collections.abc import Sequence

import numpy as np

from contracts import tables
from evaluation import intervals

SMALLEST = 1e-7  # losses take a smaller probability for this: keras.config.epsilon()


def list_predictions(probabilities: np.ndarray, labels: np.ndarray) -> list[tables.Prediction]:
    """Return the prediction for each image, in order; ties go to the lower label."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    columns = (labels, predicted, confidence, losses(probabilities, labels))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [tables.Prediction(i, *row) for i, row in enumerate(rows)]


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the negative log-likelihood of each label in nats, (n,) float64, as Keras' cross-entropy computes it."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(of_label.clip(SMALLEST, 1)) + 0.0  # no -0.0


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the score of Brier (1950), Monthly Weather Review 78, 1, eq. 2, of each image: 0 is best, 2 is worst."""
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)


def measure_digits(predicted: np.ndarray, labels: np.ndarray, names: list[str]) -> list[tables.Digit]:
    """Return precision, recall and F1 of each digit, None if it has no images; precision is 0 if never predicted.

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
    """Compare confidence with accuracy in bins of equal width; empty bins are left out.

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

    probabilities: (n, classes) float32; labels: (n,) integers. Loss and Brier score are means over the images, macro
    averages are means over the digits that have images. Six decimals: the last bits of a logarithm depend on the C
    library.
    """
    correct = probabilities.argmax(axis=1) == labels
    seen = [digit for digit in digits if digit.images]
    low, high = intervals.wilson(int(correct.sum()), len(labels), level)
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
    """Return the `number` images with the smallest margin between the two most probable digits, smallest first."""
    first, second = np.argsort(-probabilities, axis=1, kind="stable")[:, :2].T
    every = np.arange(len(labels))
    confidence, runner_up_confidence = probabilities[every, first], probabilities[every, second]
    chosen = np.argsort(confidence - runner_up_confidence, kind="stable")[:number]
    columns = (every, labels, first, confidence, second, runner_up_confidence)
    return [tables.Ambiguous(*row) for row in zip(*(column[chosen].tolist() for column in columns), strict=True)]
