"""Scores, tables and calibration of predicted probabilities; contracts/tables.py describes the columns."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from evaluation import intervals

SMALLEST = 1e-7  # losses take a smaller probability for this: keras.config.epsilon()


def list_predictions(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return the prediction for each image, in order; ties go to the lower label.

    The loss is computed in float64, as Keras' cross-entropy.
    """
    every = np.arange(len(labels))
    of_label = probabilities[every, labels].astype(np.float64)
    return pd.DataFrame(
        {
            "index": every,
            "actual": labels,
            "predicted": probabilities.argmax(axis=1),
            "confidence": probabilities.max(axis=1).astype(np.float64),
            "loss": -np.log(of_label.clip(SMALLEST, 1)) + 0.0,  # no -0.0
        }
    )


def measure_digits(predictions: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return precision, recall and F1 of each digit, NaN if it has no images; precision is 0 if never predicted."""
    scores = precision_recall_fscore_support(
        predictions["actual"], predictions["predicted"], labels=range(len(names)), zero_division=0
    )
    table = pd.DataFrame(dict(zip(["precision", "recall", "f1", "images"], scores, strict=True)))
    return table.where(table["images"] > 0).assign(digit=names, images=table["images"])


def calibrate(predictions: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of equal width; empty bins are left out."""
    edges = np.arange(bins + 1) / bins
    bin_of = np.digitize(predictions["confidence"], edges[1:-1], right=True)
    grouped = predictions.assign(accuracy=predictions["actual"] == predictions["predicted"]).groupby(bin_of)
    table = grouped[["confidence", "accuracy"]].mean()
    return table.assign(low=edges[table.index], high=edges[table.index + 1], images=grouped.size())


def measure(
    probabilities: np.ndarray, predictions: pd.DataFrame, digits: pd.DataFrame, calibration: pd.DataFrame, level: float
) -> dict:
    """Return the content of metrics.json: accuracy with its interval, macro averages and scores of the confidence.

    probabilities: (n, classes) float32. Loss and Brier score are means over the images, macro averages are means over
    the digits that have images. The Brier score is that of Brier (1950), Monthly Weather Review 78, 1, eq. 2: 0 is
    best, 2 is worst; the calibration error that of Guo et al. (2017), On calibration of modern neural networks, eq. 3.
    Six decimals: the last bits of a logarithm depend on the C library.
    """
    right, images = int((predictions["actual"] == predictions["predicted"]).sum()), len(predictions)
    low, high = intervals.wilson(right, images, level)
    actual = np.eye(probabilities.shape[1])[predictions["actual"]]
    gaps = (calibration["accuracy"] - calibration["confidence"]).abs()
    seen = digits.dropna().set_index("digit")
    return {
        "accuracy": round(right / images, 6),
        "accuracy_interval": {"low": round(low, 6), "high": round(high, 6)},
        "accuracy_per_digit": seen["recall"].round(6).to_dict(),
        "brier_score": round(float(((probabilities - actual) ** 2).sum(axis=1).mean()), 6),
        "errors": images - right,
        "expected_calibration_error": round(float(np.average(gaps, weights=calibration["images"])), 6),
        "images": images,
        "loss": round(float(predictions["loss"].mean()), 6),
        "macro_average": seen[["precision", "recall", "f1"]].mean().round(6).to_dict(),
    }


def most_ambiguous(probabilities: np.ndarray, labels: np.ndarray, number: int) -> pd.DataFrame:
    """Return the `number` images with the smallest margin between the two most probable digits, smallest first."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    confidence = np.take_along_axis(probabilities, order, axis=1)
    chosen = np.argsort(confidence[:, 0] - confidence[:, 1], kind="stable")[:number]
    (predicted, runner_up), (first, second) = order[chosen].T, confidence[chosen].T
    columns = {"index": chosen, "actual": labels[chosen], "predicted": predicted, "confidence": first}
    return pd.DataFrame({**columns, "runner_up": runner_up, "runner_up_confidence": second})
