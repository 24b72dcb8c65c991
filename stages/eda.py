"""Summarise the data: sample images, class distribution, mean image of each class.

Reads  data/normalized; of the test split, only the labels, to count them.
Writes reports/eda/{sample_images,digit_distribution,mean_images}.png, class_counts.csv and summary.json.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

import numpy as np
import pandas as pd

from common import params
from common.files import atomic_write, save_json
from common.lock import run_stage
from common.params import About, Dataset, Eda, Figures
from contracts import dataset
from drawing import charts, figures, samples

REPORTS = Path("reports/eda")
SPLITS = ["train", "validation", "test"]


def count_labels(labels: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    """Count the images of each digit in each split; a tidy table of split, digit, count."""
    counts = {split: np.bincount(values, minlength=len(names)) for split, values in labels.items()}
    table = pd.DataFrame({"digit": names, **counts}).melt("digit", var_name="split", value_name="count")
    return table[["split", "digit", "count"]]


def add_up(images: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each digit's images, and the number of pixels of each grey level.

    images: (n, 28, 28) float32, multiples of 1/255. Returns (classes, 28, 28) int64, sums of grey levels 0 to 255, and
    (256,) int64: sums of integers are exact in any order, on any CPU.
    """
    sums, counts = np.zeros((classes, *images.shape[1:]), np.int64), np.zeros(256, np.int64)
    for start in range(0, len(images), dataset.CHUNK):
        chunk = slice(start, start + dataset.CHUNK)
        grey = dataset.grey_levels(images[chunk])
        counts += np.bincount(grey.ravel(), minlength=256)
        for digit in range(classes):
            sums[digit] += grey[labels[chunk] == digit].sum(axis=0, dtype=np.int64)
    return sums, counts


def summarize(labels: dict[str, np.ndarray], grey_counts: np.ndarray) -> dict:
    """Return the number of images in each split, and mean and standard deviation of the pixels from `grey_counts`."""
    level = np.arange(256) / 255
    mean = np.average(level, weights=grey_counts)
    deviation = np.sqrt(np.average((level - mean) ** 2, weights=grey_counts))
    return {
        "images": {split: len(values) for split, values in labels.items()},
        "train_pixels": {"mean": round(float(mean), 6), "standard_deviation": round(float(deviation), 6)},
    }


def main() -> None:
    names, unit = params.load(Dataset).class_names, params.load(About).unit
    per_class, font = params.load(Eda).samples_per_digit, params.load(Figures).font
    splits = {name: dataset.load(dataset.FOLDER / name) for name in SPLITS}
    labels = {name: split.labels for name, split in splits.items()}
    train = splits["train"]
    counts = count_labels(labels, names)
    in_train = np.bincount(train.labels, minlength=len(names))
    sums, grey_counts = add_up(train.images, train.labels, len(names))
    means = sums / 255 / np.maximum(in_train, 1)[:, None, None]

    figures.choose_font(font, names)
    with atomic_write(REPORTS / "class_counts.csv") as part:
        counts.to_csv(part, index=False, lineterminator="\n")
    save_json(REPORTS / "summary.json", summarize(labels, grey_counts))
    figures.save(samples.draw_samples(train.images, train.labels, names, per_class), REPORTS / "sample_images.png")
    figures.save(charts.draw_distribution(counts, unit), REPORTS / "digit_distribution.png")
    figures.save(samples.draw_means(means, names, in_train, unit), REPORTS / "mean_images.png")
    print(f"eda: {counts['count'].sum():,} images of {len(names)} classes; figures in {REPORTS}")


if __name__ == "__main__":
    run_stage(main)
