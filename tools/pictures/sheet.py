"""Draw pictures beside the network's inputs."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from common import params
from common.errors import PipelineError

COLUMNS = 8  # inputs of one picture; more would be too small to look at
WIDTH, SIDE = 2.8, 1.2  # inches, of a picture and of an input
TEXT = 0.25  # inches, of a line of text
UNSURE = "#b35900"


class Row(NamedTuple):
    name: str
    picture: Image.Image
    inputs: list[np.ndarray]  # (28, 28) float32 in [0, 1]
    captions: list[tuple[str, str, bool]]  # of these: the answer, its confidence, whether it is sure


def thumbnail(grey: np.ndarray) -> Image.Image:
    """Return a small copy of a picture, (h, w) from 0 to 255, for `Row`."""
    image = Image.fromarray(np.rint(grey).astype(np.uint8))
    image.thumbnail((560, 240))
    return image


def save(rows: Sequence[Row], path: Path, project: Path) -> None:
    """Write a PNG with the rows, at least one, in the font that params.yaml of `project` names."""
    if not rows:
        raise PipelineError(f"{path} was not drawn: no image could be read")
    from drawing import figures  # and Matplotlib with them, which takes a second

    with contextlib.chdir(project):
        figures.choose_font(params.load(params.Figures).font, [answer for row in rows for answer, _, _ in row.captions])
    columns, height = min(COLUMNS, max(len(row.inputs) for row in rows)), SIDE + 2 * TEXT
    figure, axes = figures.sheet(WIDTH + columns * SIDE, len(rows) * height)
    for number, row in enumerate(rows):
        top = number * height
        axes.text(0, top, row.name[-32:], va="top")
        scale = min((WIDTH - TEXT) / row.picture.width, SIDE / row.picture.height)  # inches
        extent = 0, scale * row.picture.width, top + TEXT + scale * row.picture.height, top + TEXT
        axes.imshow(row.picture, "gray", vmin=0, vmax=255, extent=extent)
        for column, (image, (answer, confidence, sure)) in enumerate(zip(row.inputs, row.captions, strict=True)):
            if column < COLUMNS:
                middle, text = WIDTH + (column + 0.5) * SIDE, f"{answer}{'' if sure else '?'}  {confidence}"
                figures.draw_image(axes, image, middle, top, scale=4)
                axes.text(middle, top + SIDE, text, color="black" if sure else UNSURE, ha="center", va="top")
    figures.save(figure, path)
