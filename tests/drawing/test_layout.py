"""No text lies on another or leaves the figure, however many classes there are and however long their names."""

import numpy as np
import pytest

from contracts import tables
from drawing import charts, figures
from drawing.samples import draw_samples
from eda import count_labels, draw_distribution, draw_means
from plot import draw_ambiguous, draw_confusions, draw_mistakes

LONG = ["T-shirt/top", "Ankle boot", "WWWWWWWWWWWWWWW", "a little of each", "mmmmmmm mmmmmmm"]
SETS = {
    "two": LONG[:2],
    "digits": [str(digit) for digit in range(10)],
    "ten long": [f"{LONG[i % 5][:13]} {i}" for i in range(10)],
    "62 long": [f"{LONG[i % 5][:12]} {i}" for i in range(62)],
}


def draw(kind: str, names: list[str]) -> figures.Figure:
    n = len(names)
    labels, images = np.arange(3 * n) % n, np.zeros((3 * n, 28, 28))
    if kind == "samples":
        return draw_samples(images, labels, names, 2)
    if kind == "distribution":
        splits = dict.fromkeys(["train", "validation", "test"], labels.astype(np.uint8))
        return draw_distribution(count_labels(splits, names), "article")
    if kind == "means":
        return draw_means(images[:n], names, np.full(n, 12_000), "article")
    if kind == "confusions":
        return draw_confusions(np.full((n, n), 888), names, "article")
    if kind == "mistakes":
        rows = [tables.Prediction(i, i % n, (i + 2) % n, 0.9999, 1.0) for i in range(24)]
        return draw_mistakes(images[:1].repeat(24, axis=0), rows, names)
    if kind == "ambiguous":
        rows = [tables.Ambiguous(i, i % n, (i + 2) % n, 0.5, (i + 1) % n, 0.49) for i in range(24)]
        return draw_ambiguous(images[:1].repeat(24, axis=0), rows, names)
    return charts.draw_per_digit([tables.Digit(name, 12_000, 0.5, 0.4, 0.45) for name in names], "article", 0.95)


def boxes(figure: figures.Figure) -> tuple[np.ndarray, list[str]]:
    """Left, bottom, right and top of each visible text in pixels, (n, 4), and the texts."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            texts += [axis.label, *(tick.label1 for tick in axis._update_ticks())]
    texts = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return np.array([text.get_window_extent().extents for text in texts]), [text.get_text() for text in texts]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        pytest.param(kind, names, id=f"{kind}, {name}", marks=[pytest.mark.slow] * (name == "62 long"))
        for kind in ["samples", "distribution", "means", "confusions", "mistakes", "ambiguous", "per_digit"]
        for name, names in SETS.items()
    ],
)
def test_no_text_lies_on_another_or_leaves_the_figure(kind, names):
    figure = draw(kind, names)
    found, texts = boxes(figure)
    lower, upper = found[:, None, :2], found[:, None, 2:]
    common = np.minimum(upper, found[None, :, 2:]) - np.maximum(lower, found[None, :, :2])  # (n, n, 2) pixels
    overlapping = np.triu((common > 1).all(axis=2), 1)
    assert [(texts[i], texts[j]) for i, j in np.argwhere(overlapping)] == []
    width, height = figure.bbox.size
    outside = (found[:, :2] < -1).any(axis=1) | (found[:, 2] > width + 1) | (found[:, 3] > height + 1)
    assert [texts[i] for i in np.flatnonzero(outside)] == []
    figures.plt.close(figure)
