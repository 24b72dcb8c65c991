"""Draw the training and the evaluation.

Reads  reports/train/history.csv, the tables of reports/evaluate and the training and test images it shows.
Writes reports/plot/*.png; dvc.yaml lists them.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

import numpy as np
import pandas as pd

from common import params
from common.lock import run_stage
from common.params import About, Dataset, Evaluate, Figures, Plot, Train
from contracts import dataset, tables
from drawing import charts, figures, samples
from evaluation import robustness
from network import augmentation

REPORTS = Path("reports/plot")
AUGMENTED = 20  # classes at most in augmented.png


def count_confusions(predictions: pd.DataFrame, classes: int) -> np.ndarray:
    """Count the images of each actual digit (rows) that were predicted as each digit (columns); (classes, classes)."""
    cells = classes * predictions["actual"] + predictions["predicted"]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def deform(images: np.ndarray, seed: int) -> dict[str, list[np.ndarray]]:
    """Return random deformations of the images, (n, 28, 28) in [0, 1], by kind of augmentation."""
    random = np.random.default_rng(seed)
    return {
        kind: [augmentation.deform(images, augmentation.STRENGTHS[kind], random) for _ in range(number)]
        for kind, number in {"none": 1, "shift": 3, "elastic": 6}.items()
    }


def main() -> None:
    names, mistakes_shown = params.load(Dataset).class_names, params.load(Plot).mistakes
    training, font = params.load(Train), params.load(Figures).font
    level, unit = params.load(Evaluate).confidence_level, params.load(About).unit
    history, predictions = tables.load(tables.HISTORY), tables.load(tables.PREDICTIONS)
    digits, bins = tables.load(tables.PER_DIGIT), tables.load(tables.CALIBRATION)
    ambiguous, changes = tables.load(tables.AMBIGUOUS), tables.load(tables.ROBUSTNESS)
    train, images = dataset.load(dataset.FOLDER / "train"), dataset.load(dataset.FOLDER / "test").images
    confusions = count_confusions(predictions, len(names))
    mistakes = tables.most_confident_mistakes(predictions, mistakes_shown)
    changed = robustness.examples(dataset.grey_levels(images[0]))
    _, first_of_each = np.unique(train.labels, return_index=True)
    deformed = deform(train.images[first_of_each[:AUGMENTED]], training.seed)
    of_mistakes, of_ambiguous = (images[rows["index"]] for rows in (mistakes, ambiguous))

    figures.choose_font(font, names)
    figures.save(charts.draw_history(history), REPORTS / "training_history.png")
    figures.save(charts.draw_confusions(confusions, names, unit), REPORTS / "confusion_matrix.png")
    figures.save(charts.draw_per_digit(digits, unit, level), REPORTS / "per_digit.png")
    figures.save(charts.draw_calibration(bins, level), REPORTS / "calibration.png")
    figures.save(charts.draw_robustness(changes, changed, unit), REPORTS / "robustness.png")
    figures.save(samples.draw_mistakes(of_mistakes, mistakes, names), REPORTS / "mistakes.png")
    figures.save(samples.draw_ambiguous(of_ambiguous, ambiguous, names), REPORTS / "ambiguous.png")
    figures.save(samples.draw_augmented(deformed, training.augmentation), REPORTS / "augmented.png")
    print(f"plot: figures in {REPORTS}")


if __name__ == "__main__":
    run_stage(main)
