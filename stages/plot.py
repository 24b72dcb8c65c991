"""Draw the training and the evaluation.

Reads  reports/train/history.csv, the tables of reports/evaluate and the training and test images it shows.
Writes reports/plot/*.png, as dvc.yaml lists them.
"""

import common.interrupts  # noqa: F401

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from common import params
from common.errors import PipelineError, run
from common.files import require, rerun_hint
from common.lock import exclusive
from common.params import About, Dataset, Evaluate, Figures, Plot, Train
from contracts import dataset, tables
from drawing import charts, figures, fonts
from drawing.figures import Figure, plt, sns
from evaluation import robustness
from network import augmentation

REPORTS = Path("reports/plot")
HISTORY = Path("reports/train/history.csv")
EVALUATE = Path("reports/evaluate")
AUGMENTED = 20  # classes at most in augmented.png
COLUMNS = ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]  # of the history


def read_history(path: Path) -> pd.DataFrame:
    """Read what `train` wrote, a row for each epoch. Raises PipelineError when it is missing or has other columns."""
    try:
        history = pd.read_csv(require(path, "train"))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not a CSV file ({error}); {rerun_hint('train')}") from None
    if list(history.columns) != COLUMNS:
        raise PipelineError(f"{path}: expected columns {COLUMNS}, found {list(history.columns)}; {rerun_hint('train')}")
    return history


def draw_history(history: pd.DataFrame) -> Figure:
    """Draw accuracy and loss over the epochs, training beside validation."""
    figure, grid = plt.subplots(1, 2, figsize=(10, 4))
    for axes, measure, label in zip(
        grid, ["accuracy", "loss"], ["accuracy (%)", "cross-entropy loss (nats)"], strict=True
    ):
        scale = 100 if measure == "accuracy" else 1
        for column, colour, marker, name in [
            (measure, figures.TRAIN, "o", "training"),
            (f"val_{measure}", figures.VALIDATION, "s", "validation"),
        ]:
            axes.plot(history["epoch"], scale * history[column], color=colour, marker=marker, markersize=4, label=name)
        axes.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(axis="y")
        axes.legend(frameon=False)
    return figure


def count_confusions(predictions: Iterable[tables.Prediction], classes: int) -> np.ndarray:
    """Count the images of each actual digit (rows) that were predicted as each digit (columns); (classes, classes)."""
    counts = np.zeros((classes, classes), np.int64)
    for row in predictions:
        counts[row.actual, row.predicted] += 1
    return counts


def draw_confusions(counts: np.ndarray, names: list[str], unit: str) -> Figure:
    """Draw the confusion matrix; the colour is that of the mistakes alone, because the diagonal would outshine them."""
    mistakes = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    many = len(names) > 20
    cell, size = (0.32, 7) if many else (0.55, 10)  # inches, points
    margin = figures.text_width(names, 10)
    upright = margin < 0.9 * cell
    side = max(5.5, cell * len(names))
    figure, axes = plt.subplots(figsize=(side + margin + 1.8, side + 0.6 + (0 if upright else margin)))
    sns.heatmap(
        mistakes,
        vmin=0,
        vmax=max(1, mistakes.max()),  # without any mistake the scale would be one around 0
        annot=np.where(counts > 0, counts.astype(str), ""),
        annot_kws={"fontsize": size},
        fmt="",
        cmap="Oranges",
        linewidths=0.5,
        linecolor="#dddddd",
        xticklabels=names,
        yticklabels=names,
        cbar_kws={
            "label": f"mistakes: {mistakes.sum():,} of {counts.sum():,} test images",
            "ticks": plt.MaxNLocator(integer=True),
        },
        ax=axes,
    )
    axes.set(xlabel=f"predicted {unit}", ylabel=f"actual {unit}")
    axes.tick_params(length=0, rotation=0)
    axes.tick_params(axis="x", rotation=0 if upright else 90)
    return figure


def draw_mistakes(images: np.ndarray, mistakes: Sequence[tables.Prediction], names: list[str]) -> Figure:
    """Draw the images, those of `mistakes`, with what they are, what was predicted and how confidently."""
    titles = [
        f"{names[row.actual]} predicted as {names[row.predicted]}\n{100 * row.confidence:.2f} %" for row in mistakes
    ]
    figure = figures.gallery(images, titles, columns=6, width=1.5)
    figure.suptitle("The most confident mistakes on the test split" if titles else "No mistakes on the test split")
    return figure


def draw_ambiguous(images: np.ndarray, ambiguous: Sequence[tables.Ambiguous], names: list[str]) -> Figure:
    """Draw the images, those of `ambiguous`, with their first and second answers and the label."""
    titles = [
        f"{names[row.predicted]} ({100 * row.confidence:.0f} %) or "
        f"{names[row.runner_up]} ({100 * row.runner_up_confidence:.0f} %)\nis {names[row.actual]}"
        for row in ambiguous
    ]
    figure = figures.gallery(images, titles, columns=6, width=1.85)
    figure.suptitle("The most ambiguous test images: both answers, and the label")
    return figure


def first_of_each(labels: np.ndarray, classes: int) -> list[int]:
    """Return the index of the first image of each digit that occurs."""
    return [int(found[0]) for digit in range(classes) if len(found := np.flatnonzero(labels == digit))]


def draw_augmented(images: np.ndarray, used: str, seed: int) -> Figure:
    """Draw each of the images as it is and deformed by each kind of augmentation, in a row; name the kind in use."""
    random, columns = np.random.default_rng(seed), ["none", *["shift"] * 3, *["elastic"] * 6]
    cell, title = 0.85, 0.3  # inches
    figure, axes = figures.sheet(len(columns) * cell, title + len(images) * cell)
    for column, kind in enumerate(columns):
        axes.text((column + 0.5) * cell, title / 2, kind, ha="center", va="center", fontsize=11)
        for row, image in enumerate(augmentation.deform(images, augmentation.STRENGTHS[kind], random)):
            figures.draw_image(axes, image, (column + 0.5) * cell, title + row * cell, scale=3)
    figure.suptitle(f"Kinds of augmentation, drawn at random (this network was trained with: {used})")
    return figure


@exclusive("stage")
def main() -> None:
    settings, names = params.load(Plot), params.load(Dataset).class_names
    training, font = params.load(Train), params.load(Figures).font
    level, unit = params.load(Evaluate).confidence_level, params.load(About).unit
    history = read_history(HISTORY)
    predictions = tables.load(EVALUATE / "predictions.csv", tables.Prediction)
    digits = tables.load(EVALUATE / "per_digit.csv", tables.Digit)
    bins = tables.load(EVALUATE / "calibration.csv", tables.Bin)
    ambiguous = tables.load(EVALUATE / "ambiguous.csv", tables.Ambiguous)
    changes = tables.load(EVALUATE / "robustness.csv", tables.Robustness)
    train, images = dataset.load(dataset.FOLDER / "train"), dataset.load(dataset.FOLDER / "test").images
    examples = train.images[first_of_each(train.labels, len(names))[:AUGMENTED]]
    confusions = count_confusions(predictions, len(names))
    mistakes = tables.most_confident_mistakes(predictions, settings.mistakes)
    changed = robustness.examples(robustness.grey_levels(images[0]))

    of_mistakes, of_ambiguous = (images[[row.index for row in rows]] for rows in (mistakes, ambiguous))

    fonts.report_boxes(names, font)
    fonts.choose(font)
    drawings = {
        REPORTS / "training_history.png": partial(draw_history, history),
        REPORTS / "confusion_matrix.png": partial(draw_confusions, confusions, names, unit),
        REPORTS / "mistakes.png": partial(draw_mistakes, of_mistakes, mistakes, names),
        REPORTS / "per_digit.png": partial(charts.draw_per_digit, digits, unit, level),
        REPORTS / "calibration.png": partial(charts.draw_calibration, bins, level),
        REPORTS / "ambiguous.png": partial(draw_ambiguous, of_ambiguous, ambiguous, names),
        REPORTS / "robustness.png": partial(charts.draw_robustness, pd.DataFrame(changes), changed, unit),
        REPORTS / "augmented.png": partial(draw_augmented, examples, training.augmentation, training.seed),
    }
    for path, draw in drawings.items():
        figures.save(draw(), path)
    print(f"plot: figures in {REPORTS}")


if __name__ == "__main__":
    run(main)
