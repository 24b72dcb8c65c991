"""Draw pictures beside the network's inputs, with Pillow; Matplotlib finds a font for other alphabets."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import params
from common.errors import PipelineError
from common.files import atomic_write
from common.params import Figures

COLUMNS = 8  # inputs of one picture; more would be too small to look at
SIDE = 112  # pixels of an input, four for each of its own
WIDTH = 280  # of a picture
GAP = 12
TEXT = 16  # pixels of a line of text
BACKGROUND, INK, UNSURE = "white", "black", "#b35900"

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


class Row(NamedTuple):
    name: str
    picture: Image.Image
    inputs: list[np.ndarray]  # (28, 28) float32 in [0, 1]
    captions: list[tuple[str, str, bool]]  # of these: the answer, its confidence, whether it is sure


def thumbnail(grey: np.ndarray) -> Image.Image:
    """Return a picture, (h, w) from 0 to 255, at the size at which it is drawn."""
    image = Image.fromarray(np.rint(grey).astype(np.uint8))
    image.thumbnail((WIDTH, SIDE + TEXT))
    return image


def save(rows: Sequence[Row], path: Path, project: Path) -> None:
    """Write a PNG with the rows. Raises PipelineError if there are none, or it cannot be written.

    project: the folder of params.yaml, which names the font of the figures.
    """
    if not rows:
        raise PipelineError(f"{path} was not drawn: no image could be read")
    columns = max(1, min(COLUMNS, max(len(row.inputs) for row in rows)))
    height = SIDE + 3 * TEXT + GAP
    sheet = Image.new("RGB", (WIDTH + 2 * GAP + columns * (SIDE + GAP), GAP + height * len(rows)), BACKGROUND)
    names = class_font({answer for row in rows for answer, _, _ in row.captions}, project)
    for number, row in enumerate(rows):
        draw_row(sheet, GAP + number * height, row, names)
    with atomic_write(path) as part:
        sheet.save(part, "PNG")


def draw_row(sheet: Image.Image, top: int, row: Row, names: Font) -> None:
    """Draw a picture under its name, and to the right of it each input over its answer."""
    draw, font = ImageDraw.Draw(sheet), own_font()
    draw.text((GAP, top), printable(row.name[-32:]), fill=INK, font=font)
    sheet.paste(row.picture, (GAP, top + TEXT))
    for column, (image, (answer, confidence, sure)) in enumerate(zip(row.inputs, row.captions, strict=True)):
        if column == COLUMNS:
            break
        left = WIDTH + 2 * GAP + column * (SIDE + GAP)
        seen = Image.fromarray(np.rint(255 * image).astype(np.uint8))
        sheet.paste(seen.resize((SIDE, SIDE), Image.Resampling.NEAREST), (left, top))
        colour = INK if sure else UNSURE
        draw.text((left, top + SIDE + 2), answer, fill=colour, font=names)
        beside = left + draw.textlength(answer, names)
        draw.text((beside, top + SIDE + 2), f"{'' if sure else '?'}  {confidence}", fill=colour, font=font)


def own_font() -> Font:
    return ImageFont.load_default(TEXT - 3)


def class_font(names: Iterable[str], project: Path) -> Font:
    """Return Pillow's own font if it has the names, else one of the figures; report letters without a font."""
    if all(name == printable(name) for name in names):
        return own_font()
    from drawing import fonts  # and Matplotlib with it, which takes a second

    with contextlib.chdir(project):
        font = params.load(Figures).font
        fonts.report_boxes(names, font)
        return ImageFont.truetype(fonts.file_with(names, font), TEXT - 3)


def printable(text: str) -> str:
    """Return text in the letters of the own font, which are Latin."""
    return text.encode("latin-1", "replace").decode("latin-1")
