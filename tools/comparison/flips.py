"""Draw the images that only one of two revisions gets right."""

from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import PipelineError
from comparison.revisions import Revision
from contracts import dataset
from drawing import figures

COLUMNS, ROWS = 5, 6  # of each half; more would be too small to look at
WIDTH = 1.15  # inches


def find_flips(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the images gained and the images lost (index, old, new: the answers), the most confident mistake first."""
    answers = pd.DataFrame({"index": old["index"], "old": old["predicted"], "new": new["predicted"]})
    was_right, is_right = old["actual"] == old["predicted"], new["actual"] == new["predicted"]
    gained, lost = old[~was_right & is_right], new[was_right & ~is_right]
    gained, lost = (one.sort_values("confidence", ascending=False, kind="stable") for one in (gained, lost))
    return answers.loc[gained.index], answers.loc[lost.index]


def draw_flips(images: np.ndarray, gained: pd.DataFrame, lost: pd.DataFrame, names: list[str]) -> figures.Figure:
    """Draw images (n, 28, 28) in [0, 1], the gained on the left, the lost on the right, with both answers."""
    rows = min(ROWS, max(1, -(-max(len(gained), len(lost)) // COLUMNS)))
    figure = figures.plt.figure(figsize=(2 * COLUMNS * WIDTH + 0.4, rows * (WIDTH + figures.TITLE) + 0.8))
    figure.set_layout_engine("constrained", h_pad=0.06)  # inches
    left, right = figure.subfigures(1, 2, wspace=0.05).flat  # type: ignore[union-attr]  # two of them make an array
    known = dict(enumerate(names))
    for half, word, colour, flips in (
        (left, "Gained", figures.TRAIN, gained),
        (right, "Lost", figures.VALIDATION, lost),
    ):
        shown = flips.head(rows * COLUMNS)
        cut = f", the {len(shown)} most confident mistakes" if len(flips) > len(shown) else ""
        title = f"{word}: {len(flips)} image{'s' * (len(flips) != 1)}{cut}"
        half.suptitle(title, color=colour, fontweight="bold")
        titles = [
            f"old {known.get(o, o)}\nnew {known.get(n, n)}" for o, n in zip(shown["old"], shown["new"], strict=True)
        ]
        axes = half.subplots()
        figures.draw_gallery(axes, images[shown["index"]], titles, COLUMNS, WIDTH)
        axes.set_anchor("N")  # close to its own title
    return figure


def save_flips(old: Revision, new: Revision, path: Path) -> None:
    """Draw the flips between two revisions to a PNG. Raises PipelineError without the images they answered."""
    folder = dataset.FOLDER / new.split
    if not (folder / "images.npy").exists():
        raise PipelineError(
            f"{folder}/images.npy is missing: run `dvc repro normalize`, or `dvc pull` if there is a remote"
        )
    shown = dataset.load(folder)
    if not np.array_equal(shown.labels, old.predictions["actual"]):
        raise PipelineError(f"{folder}: expected the images that {old.name} answered, found others")
    names = [str(name) for name in new.parameters.get("dataset.class_names", [])]
    figures.choose_font(new.parameters.get("figures.font"), names)
    figure = draw_flips(shown.images, *find_flips(old.predictions, new.predictions), names)
    figure.suptitle(
        f"{new.split.capitalize()} images that changed between right and wrong, old: {old.name}, new: {new.name}"
    )
    figures.save(figure, path)
