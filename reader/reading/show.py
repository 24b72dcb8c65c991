"""Draw pictures beside what the network saw of them, with Pillow; Matplotlib finds a font for other alphabets."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import params
from common.errors import PipelineError
from common.files import atomic_write
from common.params import Figures
from reader.reading.network import Answer

if TYPE_CHECKING:
    from predict import Picture

COLUMNS, ROWS = 8, 30  # digits of one picture, and pictures: more would be too small to look at
SIDE = 112  # pixels of a digit, four for each of its own
WIDTH = 280  # of a picture
GAP = 12
TEXT = 16  # pixels of a line of text
BACKGROUND, INK, UNSURE = "white", "black", "#b35900"

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def save_pictures(pictures: "list[Picture]", answers: list[list[Answer]], path: Path, project: Path) -> None:
    """Write a PNG with a row for each picture. Raises PipelineError if there is none, or it cannot be written.

    project: the folder of params.yaml, which names the font of the figures.
    """
    rows = [(p, found) for p, found in zip(pictures, answers, strict=True) if p.grey is not None][:ROWS]
    if not rows:
        raise PipelineError(f"{path} was not drawn: no image could be read")
    columns = max(1, min(COLUMNS, max(len(found) for _, found in rows)))
    height = SIDE + 3 * TEXT + GAP
    sheet = Image.new("RGB", (WIDTH + 2 * GAP + columns * (SIDE + GAP), GAP + height * len(rows)), BACKGROUND)
    names = class_font({answer.digit for _, found in rows for answer in found}, project)
    for number, (picture, found) in enumerate(rows):
        draw_row(sheet, GAP + number * height, picture, found[:columns], names)
    with atomic_write(path) as part:
        sheet.save(part, "PNG")


def draw_row(sheet: Image.Image, top: int, picture: "Picture", answers: list[Answer], names: Font) -> None:
    """Draw a picture under its name, and to the right of it each digit over its answer."""
    draw, font = ImageDraw.Draw(sheet), own_font()
    name = Path(picture.name).name[-32:]
    draw.text((GAP, top), printable(name if answers else f"{name}: no digit"), fill=INK, font=font)
    if picture.grey is not None:
        image = Image.fromarray(np.rint(picture.grey).astype(np.uint8))
        image.thumbnail((WIDTH, SIDE + TEXT))
        sheet.paste(image, (GAP, top + TEXT))
    for column, (digit, answer) in enumerate(zip(picture.digits, answers, strict=False)):
        left = WIDTH + 2 * GAP + column * (SIDE + GAP)
        seen = Image.fromarray(np.rint(255 * digit.image).astype(np.uint8))
        sheet.paste(seen.resize((SIDE, SIDE), Image.Resampling.NEAREST), (left, top))
        colour = INK if answer.sure else UNSURE
        draw.text((left, top + SIDE + 2), answer.digit, fill=colour, font=names)
        beside = left + draw.textlength(answer.digit, names)
        rest = f"{'' if answer.sure else '?'}  {100 * answer.confidence:.0f} %"
        draw.text((beside, top + SIDE + 2), rest, fill=colour, font=font)


def own_font() -> Font:
    return ImageFont.load_default(TEXT - 3)


def class_font(names: Iterable[str], project: Path) -> Font:
    """Return Pillow's own font if it has the names, else one of the figures; say which letters are boxes."""
    if all(name == printable(name) for name in names):
        return own_font()
    from drawing import fonts  # and Matplotlib with it, which takes a second

    with contextlib.chdir(project):
        font = params.load(Figures).font
        fonts.report_boxes(names, font)
        return ImageFont.truetype(fonts.file_with(names, font), TEXT - 3)


def printable(text: str) -> str:
    """Return text that the font has, which knows the Latin letters."""
    return text.encode("latin-1", "replace").decode("latin-1")
