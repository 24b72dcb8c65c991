"""No text lies on another or leaves the figure, for MNIST and for own data: long names, or many short ones."""

import string

import numpy as np
import pandas as pd
import pytest

from drawing import charts, figures, samples
from eda import count_labels
from evaluation import robustness

LONG = ["T-shirt/top", "Ankle boot", "WWWWWWWWWWWWWWW", "a little of each", "mmmmmmm mmmmmmm"]
SETS = {
    "digits": [*string.digits],
    "ten long": [f"{LONG[i % 5][:13]} {i}" for i in range(10)],
    "26 letters": [*string.ascii_uppercase],
}
IMAGES = np.zeros((26 * 3, 28, 28))
EXAMPLES = robustness.examples(np.zeros((28, 28), np.uint8))
CHANGES = pd.DataFrame(EXAMPLES.keys(), columns=["change", "amount"]).assign(accuracy=0.5, confidence=0.75)
HISTORY = pd.DataFrame({name: [1, 0.5] for name in ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")})
LOW = pd.Series(range(10)) / 10
BINS = pd.DataFrame({"low": LOW, "high": LOW + 0.1, "images": 9_999, "confidence": 0.5, "accuracy": 0.5})


def answers(classes: int) -> pd.DataFrame:
    """The labels of 24 images and two answers to each."""
    every = np.arange(24)
    return pd.DataFrame({name: (every + i) % classes for i, name in enumerate(["actual", "runner_up", "predicted"])})


FIGURES = {  # by the number of classes and their names
    "samples": lambda n, names: samples.draw_samples(IMAGES[: 3 * n], np.arange(3 * n) % n, names, 2),
    "distribution": lambda n, names: charts.draw_distribution(
        count_labels(dict.fromkeys(["train", "validation", "test"], np.arange(n)), names), "article"
    ),
    "means": lambda n, names: samples.draw_means(IMAGES[:n], names, np.full(n, 12_000), "article"),
    "confusions": lambda n, names: charts.draw_confusions(np.full((n, n), 8888), names, "article"),
    "mistakes": lambda n, names: samples.draw_mistakes(IMAGES[:24], answers(n).assign(confidence=0.9999), names),
    "ambiguous": lambda n, names: samples.draw_ambiguous(
        IMAGES[:24], answers(n).assign(confidence=0.5, runner_up_confidence=0.49), names
    ),
    "per_digit": lambda n, names: charts.draw_per_digit(
        pd.DataFrame({"digit": names, "images": 12_000, "precision": 0.5, "recall": 0.4, "f1": 0.45}), "article", 0.95
    ),
}
WITHOUT_CLASSES = {
    "history": lambda n, names: charts.draw_history(HISTORY),
    "calibration": lambda n, names: charts.draw_calibration(BINS, 0.95),
    "robustness": lambda n, names: charts.draw_robustness(CHANGES, EXAMPLES, "article"),
}
CASES = [(kind, names) for kind in FIGURES for names in SETS] + [(kind, "digits") for kind in WITHOUT_CLASSES]
NARROW = {"distribution", "per_digit", "confusions", *WITHOUT_CLASSES}  # with the names of digits


def boxes(figure: figures.Figure) -> tuple[np.ndarray, list[str]]:
    """Left, bottom, right and top of each visible text in pixels, (n, 4), and the texts."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [axes.title, axes._left_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            texts += [axis.label, *(tick.label1 for tick in axis._update_ticks())]
    texts = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return np.array([text.get_window_extent().extents for text in texts]), [text.get_text() for text in texts]


@pytest.mark.parametrize(("kind", "names"), CASES)
def test_no_text_lies_on_another_or_leaves_the_figure(kind, names):
    figure = (FIGURES | WITHOUT_CLASSES)[kind](len(SETS[names]), SETS[names])
    found, texts = boxes(figure)
    lower, upper = found[:, None, :2], found[:, None, 2:]
    common = np.minimum(upper, found[None, :, 2:]) - np.maximum(lower, found[None, :, :2])  # (n, n, 2) pixels
    overlapping = np.triu((common > 1).all(axis=2), 1)
    assert [(texts[i], texts[j]) for i, j in np.argwhere(overlapping)] == []
    width, height = figure.bbox.size
    outside = (found[:, :2] < -1).any(axis=1) | (found[:, 2] > width + 1) | (found[:, 3] > height + 1)
    assert [texts[i] for i in np.flatnonzero(outside)] == []
    if kind in NARROW and names == "digits":
        assert figure.get_figwidth() == figures.WIDTH  # for a phone
    figures.plt.close(figure)
