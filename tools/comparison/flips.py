"""Draw the images that only one of two revisions gets right."""

from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import PipelineError
from comparison.revisions import Revision
from contracts import dataset
from drawing import figures, fonts
from drawing.figures import Figure, SubFigure, plt

COLUMNS, ROWS = 5, 6  # of each half; more would be too small to look at
WIDTH = 1.15  # inches


def find_flips(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the images gained and the images lost (index, old, new: the answers), the most confident mistake first."""
    answers = pd.DataFrame({"index": old["index"], "old": old["predicted"], "new": new["predicted"]})
    was_right, is_right = old["actual"] == old["predicted"], new["actual"] == new["predicted"]
    gained = old[~was_right & is_right].sort_values("confidence", ascending=False, kind="stable")
    lost = new[was_right & ~is_right].sort_values("confidence", ascending=False, kind="stable")
    return answers.loc[gained.index], answers.loc[lost.index]


def draw_half(half: SubFigure, title: str, images: np.ndarray, flips: pd.DataFrame, names: list, rows: int) -> None:
    """Draw the first images of `flips` under a title, each with the old answer and the new one."""
    half.suptitle(title, color=figures.TRAIN if title.startswith("Gained") else figures.VALIDATION, fontweight="bold")
    shown = flips.head(rows * COLUMNS)
    titles = [
        "old {}\nnew {}".format(*(names[answer] if answer < len(names) else answer for answer in (flip.old, flip.new)))
        for flip in shown.itertuples(index=False)
    ]
    axes = half.subplots()
    figures.draw_gallery(axes, images[shown["index"]], titles, COLUMNS, WIDTH)
    axes.set_anchor("N")  # close to its own title


def draw_flips(images: np.ndarray, gained: pd.DataFrame, lost: pd.DataFrame, names: list) -> Figure:
    """Draw the images gained on the left, those lost on the right; images: (n, 28, 28) in [0, 1]."""
    rows = min(ROWS, max(1, -(-max(len(gained), len(lost)) // COLUMNS)))
    figure = plt.figure(figsize=(2 * COLUMNS * WIDTH + 0.4, rows * (WIDTH + figures.TITLE) + 0.8))
    figure.set_layout_engine("constrained", h_pad=0.06)  # inches
    left, right = figure.subfigures(1, 2, wspace=0.05).flat  # type: ignore[union-attr]  # two of them make an array
    for half, word, flips in ((left, "Gained", gained), (right, "Lost", lost)):
        cut = f", the {rows * COLUMNS} most confident mistakes" if len(flips) > rows * COLUMNS else ""
        draw_half(half, f"{word}: {len(flips)} image{'s' * (len(flips) != 1)}{cut}", images, flips, names, rows)
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
    font = new.parameters.get("figures.font")
    fonts.choose(str(font) if font else None)
    figure = draw_flips(
        shown.images, *find_flips(old.predictions, new.predictions), new.parameters.get("dataset.class_names", [])
    )
    figure.suptitle(
        f"{new.split.capitalize()} images that changed between right and wrong, old: {old.name}, new: {new.name}"
    )
    figures.save(figure, path)
