"""Printed characters as MNIST has its digits, from the fonts that come with Pillow and Matplotlib.

FreeType draws them in whole numbers, the same on any CPU.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contracts.dataset import SHAPE
from network.augmentation import Strength, deform
from network.sampling import CENTRE

FIT = 20  # pixels of the longer side, and the centre of mass in the centre, as MNIST has its digits
MARGIN = (SHAPE[0] - FIT) // 2
FONTS = ["STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta", "cmr10", "cmss10", "cmtt10"]
LINE = 4  # quarters of a pixel: of an outline
SLANT = Strength(scale=0.25, shear=0.3)  # narrower, wider and more slanted than they are printed


def prints(n: int, names: Sequence[str], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return n images, (n, 28, 28) float32 in [0, 1], of the classes whose name is a digit or letter; and their labels.

    None if there is no such class.
    """
    glyphs, characters = draw_glyphs([name for name in names if len(name) == 1 and name.isascii() and name.isalnum()])
    if not characters:
        return np.zeros((0, *SHAPE), np.float32), np.zeros(0, np.uint8)
    chosen = random.integers(len(glyphs), size=n)
    labels = np.array([names.index(character) for character in characters], np.uint8)
    return deform(glyphs[chosen], SLANT, random), labels[chosen]


def draw_glyphs(characters: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Draw each character in each font that has it: (n, 28, 28) float32 in [0, 1], and which each is."""
    found = find_spec("matplotlib")  # not imported: that takes long, and fails where a notebook names its own backend
    assert found and found.origin
    folder = Path(found.origin).parent / "mpl-data/fonts/ttf"
    fonts = [None, *(folder / f"{font}.ttf" for font in FONTS)]
    pairs = [(each, font) for each in characters for font in fonts if font is None or each.isalnum()]
    glyphs = [draw_glyph(*pair, hollow) for hollow in (False, True) for pair in pairs]
    return np.stack(glyphs) if pairs else np.zeros((0, *SHAPE), np.float32), 2 * [each for each, _ in pairs]


def draw_glyph(character: str, path: Path | None, hollow: bool) -> np.ndarray:
    """Draw a character of a font, or of Pillow's own, or its outline, scaled to fit: (28, 28) float32 in [0, 1]."""
    large = 4 * FIT  # each pixel is the mean of 4 x 4
    left, top, right, bottom = load_font(path, large).getbbox(character)
    font = load_font(path, large * large / max(right - left, bottom - top))
    left, top, right, bottom = font.getbbox(character)
    image = Image.new("L", (4 * SHAPE[1], 4 * SHAPE[0]))
    middle = ((image.width - left - right) // 2, (image.height - top - bottom) // 2)
    ImageDraw.Draw(image).text(
        middle, character, fill=0 if hollow else 255, font=font, stroke_width=LINE * hollow, stroke_fill=255
    )
    levels = np.asarray(image, np.int64).reshape(SHAPE[0], 4, SHAPE[1], 4).sum(axis=(1, 3)) // 16
    return centred(levels)


def load_font(path: Path | None, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if path is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def centred(levels: np.ndarray) -> np.ndarray:
    """Return whole levels from 0 to 255, (28, 28), with their centre of mass in the middle: float32 in [0, 1]."""
    shift = [move(levels.sum(axis=1)), move(levels.sum(axis=0))]
    return (np.roll(levels, shift, axis=(0, 1)) / 255).astype(np.float32)


def move(profile: np.ndarray) -> int:
    """Return by how many pixels a profile of masses, whole numbers, is to move for its centre to be in the middle."""
    centre = int((profile * np.arange(len(profile))).sum()) / int(profile.sum())
    return int(np.clip(np.rint(CENTRE - centre), -MARGIN, MARGIN))
