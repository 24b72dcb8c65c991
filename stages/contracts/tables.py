"""The tables that `train` and `evaluate` write: for each CSV file, its columns and their types."""

from pathlib import Path

import pandas as pd

from common.files import atomic_write, readable

HISTORY = Path("reports/train/history.csv")
EVALUATE = Path("reports/evaluate")
PREDICTIONS = EVALUATE / "predictions.csv"  # of the test split
VALIDATION_PREDICTIONS = EVALUATE / "validation_predictions.csv"
PER_DIGIT = EVALUATE / "per_digit.csv"
CALIBRATION = EVALUATE / "calibration.csv"
AMBIGUOUS = EVALUATE / "ambiguous.csv"
ROBUSTNESS = EVALUATE / "robustness.csv"

PREDICTION: dict[str, type] = {  # a row for each image
    "index": int,  # in the order of the split
    "actual": int,  # label
    "predicted": int,
    "confidence": float,  # the highest probability
    "loss": float,  # negative log-likelihood of the actual label, nats
}
COLUMNS: dict[Path, dict[str, type]] = {
    HISTORY: {"epoch": int, "accuracy": float, "loss": float, "val_accuracy": float, "val_loss": float},
    PREDICTIONS: PREDICTION,
    VALIDATION_PREDICTIONS: PREDICTION,
    PER_DIGIT: {
        "digit": str,  # its name in params.yaml
        "images": int,
        "precision": float,  # of the images predicted as this digit, the correct share; NaN if the digit has no images
        "recall": float,  # of the images of this digit, the correct share; NaN as well
        "f1": float,  # the harmonic mean of the two; NaN as well
    },
    CALIBRATION: {  # a row for each bin with images: those whose confidence lies in (low, high]
        "low": float,
        "high": float,
        "images": int,
        "confidence": float,  # mean
        "accuracy": float,
    },
    AMBIGUOUS: {  # images with two nearly equal answers, the smallest margin first
        "index": int,
        "actual": int,
        "predicted": int,
        "confidence": float,
        "runner_up": int,
        "runner_up_confidence": float,
    },
    ROBUSTNESS: {  # results on changed images; evaluation/robustness.py describes changes and amounts
        "change": str,
        "amount": int,
        "images": int,
        "accuracy": float,  # NaN for images without a digit
        "confidence": float,  # mean
    },
}


def save(path: Path, table: pd.DataFrame) -> None:
    """Write the columns of the table `path`; NaN becomes an empty field.

    Rounded to six decimals: the last bits depend on the order of sums and on the C library.
    """
    with atomic_write(path) as part:
        table.to_csv(part, columns=[*COLUMNS[path]], index=False, float_format="%.6f", lineterminator="\n")


def load(path: Path) -> pd.DataFrame:
    """Return the table `path`. Raises PipelineError if it is missing, or has other columns or types."""
    columns = COLUMNS[path]
    with readable(path, path.parent.name):
        return pd.read_csv(path, usecols=[*columns], dtype=columns, keep_default_na=False, na_values="")


def most_confident_mistakes(predictions: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return the wrong predictions, most confident first; ties in the order of the images."""
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    return wrong.sort_values("confidence", ascending=False, kind="stable")[:number]
