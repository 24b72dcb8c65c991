"""Figures of images: examples of each class, mistakes, ambiguous images, deformed images."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from drawing import figures
from drawing.figures import Figure

CELL = 0.85  # inches, of an image without a title
NAME = 14  # points


def draw_samples(images: np.ndarray, labels: np.ndarray, names: list[str], per_class: int) -> Figure:
    """Draw the first images of each class in a row; images (n, 28, 28) in [0, 1], labels (n,) integers."""
    margin = max(0.5, figures.text_width(names, NAME) + 0.2)
    figure, axes = figures.sheet(margin + per_class * CELL, len(names) * CELL)
    for label, name in enumerate(names):
        axes.text(margin / 2, (label + 0.5) * CELL, name, ha="center", va="center", fontsize=NAME)
        for i, index in enumerate(np.flatnonzero(labels == label)[:per_class]):
            figures.draw_image(axes, images[index], margin + (i + 0.5) * CELL, label * CELL, scale=3)
    return figure


def draw_means(means: np.ndarray, names: list[str], counts: np.ndarray, unit: str) -> Figure:
    """Draw the mean image of each class; means (classes, 28, 28) in [0, 1], counts (classes,) integers."""
    titles = [f"{name}\nn = {count:,}" for name, count in zip(names, counts, strict=True)]
    figure = figures.gallery(means, titles, columns=5, width=1.5)
    figure.suptitle(f"Mean training image of each {unit}")
    return figure


def draw_mistakes(images: np.ndarray, mistakes: pd.DataFrame, names: list[str]) -> Figure:
    """Draw the images of `mistakes`, with the actual and the predicted class and the confidence."""
    titles = []
    for row in mistakes.itertuples():
        share = "> 99.99" if row.confidence >= 0.99995 else f"{100 * row.confidence:.2f}"
        titles.append(f"{names[row.actual]} predicted as {names[row.predicted]}\n{share}\N{NO-BREAK SPACE}%")
    figure = figures.gallery(images, titles, columns=6, width=1.5)
    figure.suptitle("The most confident mistakes on the test split" if titles else "No mistakes on the test split")
    return figure


def draw_ambiguous(images: np.ndarray, ambiguous: pd.DataFrame, names: list[str]) -> Figure:
    """Draw the images of `ambiguous`, with their first and second answers and the label."""
    titles = [
        f"{names[row.predicted]} ({100 * row.confidence:.0f}\N{NO-BREAK SPACE}%) or "
        f"{names[row.runner_up]} ({100 * row.runner_up_confidence:.0f}\N{NO-BREAK SPACE}%)\nis {names[row.actual]}"
        for row in ambiguous.itertuples()
    ]
    figure = figures.gallery(images, titles, columns=6, width=1.85)
    figure.suptitle("The most ambiguous test images: both answers, and the label")
    return figure


def draw_augmented(deformed: Mapping[str, Sequence[np.ndarray]], used: str) -> Figure:
    """Draw a column for each array, (n, 28, 28) in [0, 1], of each kind of augmentation, and name the kind in use."""
    columns = [(kind, images) for kind, arrays in deformed.items() for images in arrays]
    height = 0.3  # inches, of the titles
    figure, axes = figures.sheet(len(columns) * CELL, height + len(columns[0][1]) * CELL)
    for column, (kind, images) in enumerate(columns):
        axes.text((column + 0.5) * CELL, height / 2, kind, ha="center", va="center", fontsize=figures.TEXT)
        for row, image in enumerate(images):
            figures.draw_image(axes, image, (column + 0.5) * CELL, height + row * CELL, scale=3)
    figure.suptitle(f"Kinds of augmentation, drawn at random (this network was trained with: {used})")
    return figure
