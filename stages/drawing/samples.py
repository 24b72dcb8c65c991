"""The first images of every class, a row for each."""

import numpy as np

from drawing import figures
from drawing.figures import Figure

CELL = 0.85  # inches
ONE_BLOCK = 20  # classes; more are drawn in two blocks side by side
NAME = 14  # points


def draw_samples(images: np.ndarray, labels: np.ndarray, names: list[str], per_class: int) -> Figure:
    """Draw the first images of each class; images (n, 28, 28) in [0, 1], labels (n,) integers."""
    margin = max(0.5, figures.text_width(names, NAME) + 0.2)
    rows = len(names) if len(names) <= ONE_BLOCK else -(-len(names) // 2)
    block = margin + per_class * CELL
    figure, axes = figures.sheet(-(-len(names) // rows) * block, rows * CELL)
    for label, name in enumerate(names):
        left, top = label // rows * block, label % rows * CELL
        axes.text(left + margin / 2, top + CELL / 2, name, ha="center", va="center", fontsize=NAME)
        for i, index in enumerate(np.flatnonzero(labels == label)[:per_class]):
            figures.draw_image(axes, images[index], left + margin + (i + 0.5) * CELL, top, scale=3)
    return figure
