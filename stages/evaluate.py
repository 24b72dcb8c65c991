"""Measure the network on the test split, once, after every choice has been made.

Reads  data/normalized/test and models/model.keras.
Writes reports/evaluate/metrics.json and predictions.csv, a row for each test image in the published order.
"""

from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from common import dataset, model, params
from common.determinism import keras
from common.errors import PipelineError, run
from common.files import save_json, whole

REPORTS = Path("reports/evaluate")
BATCH = 1_000  # images; 10,000 is a multiple of it, so XLA compiles once


def predict(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes) float32 for images (n, 28, 28) float32 in [0, 1]."""
    network.compile(jit_compile=True)  # XLA, as in training: the same bytes for any number of threads
    return network.predict(images, batch_size=BATCH, verbose=0)


def accuracy_interval(correct: int, n: int, level: float) -> dict[str, float]:
    """Return the interval of Wilson (1927), J. Am. Stat. Assoc. 22, 209, for the accuracy behind `correct` of `n`."""
    interval = binomtest(correct, n).proportion_ci(level, method="wilson")
    return {"low": round(interval.low, 6), "high": round(interval.high, 6)}


def measure(probabilities: np.ndarray, labels: np.ndarray, names: list[str], level: float) -> dict:
    """Return accuracy with its interval, mean cross-entropy, errors and the accuracy on the images of each digit.

    probabilities: (n, classes) float32; labels: (n,) integers. Loss is Keras' sparse_categorical_crossentropy, which
    takes a probability below 1e-7 for 1e-7. Six decimals: the last bits of a logarithm depend on the C library.
    """
    correct = probabilities.argmax(axis=1) == labels
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    hits = np.bincount(labels[correct], minlength=len(names))
    images = np.bincount(labels, minlength=len(names))
    return {
        "accuracy": round(float(correct.mean()), 6),
        "accuracy_interval": accuracy_interval(int(correct.sum()), len(labels), level),
        "errors": int((~correct).sum()),
        "images": len(labels),
        "loss": round(float(-np.log(of_label.clip(keras.config.epsilon(), 1)).mean()), 6),
        "accuracy_per_digit": {
            name: round(hit / n, 6) for name, hit, n in zip(names, hits.tolist(), images.tolist(), strict=True) if n
        },
    }


def save_predictions(path: Path, probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Write index, actual, predicted, confidence: one row an image; confidence is the highest probability."""
    rows = zip(labels.tolist(), probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1).tolist(), strict=True)
    with whole(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write("index,actual,predicted,confidence\n")
        file.writelines(
            f"{i},{actual},{predicted},{confidence:.6f}\n" for i, (actual, predicted, confidence) in enumerate(rows)
        )


def main() -> None:
    level, names = params.load(params.Evaluate).confidence_level, params.load(params.Dataset).class_names
    test = dataset.load(dataset.FOLDER / "test")
    probabilities = predict(model.load(), test.images)
    if probabilities.shape[1] != len(names):
        raise PipelineError(
            f"{model.PATH}: expected {len(names)} outputs, found {probabilities.shape[1]}; run `dvc repro train`"
        )
    metrics = measure(probabilities, test.labels, names, level)

    save_predictions(REPORTS / "predictions.csv", probabilities, test.labels)
    save_json(REPORTS / "metrics.json", metrics)
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    print(
        f"evaluate: test accuracy {100 * metrics['accuracy']:.2f} % "
        f"({100 * level:g} % interval {low:.1f}-{high:.1f}, n = {metrics['images']:,})"
    )


if __name__ == "__main__":
    run(main)
