"""Printed characters in the format of MNIST's digits, from the fonts that come with Pillow and Matplotlib.

FreeType draws them in integer arithmetic, the same on any CPU.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contracts.dataset import SHAPE
from network.augmentation import Strength, deform
from network.sampling import CENTRE

FIT = 20  # pixels of the longer side of MNIST's digits, whose centre of mass is in the centre of the image
MARGIN = (SHAPE[0] - FIT) // 2
DEJAVU = ["", "-Bold", "-Oblique", "-BoldOblique"]
COMPUTER_MODERN = ["r", "b", "ti", "mi", "ss", "tt"]
STIX = ["", "Italic", "Bol", "BolIta"]
# File names by purpose, no font for two of them; None is Pillow's own font.
FONTS: dict[str, list[str | None]] = {
    "train": [None, *(f"STIXGeneral{style}" for style in STIX), *(f"cm{style}10" for style in COMPUTER_MODERN)],
    "validation": [f"DejaVuSans{style}" for style in DEJAVU],
    "test": [f"DejaVuSerif{style.replace('Oblique', 'Italic')}" for style in DEJAVU],
}
PART = 500  # images to compute at a time, which bounds the memory
LINE = 4  # width of an outline, in quarters of a pixel
SLANT = Strength(scale=0.25, shear=0.3)  # narrower, wider and more slanted than printed


def to_float(levels: np.ndarray) -> np.ndarray:
    """Return grey levels, uint8, as float32 in [0, 1]."""
    return levels / np.float32(255)


def to_levels(images: np.ndarray) -> np.ndarray:
    """Return images, float32 in [0, 1], as grey levels, uint8."""
    return np.rint(images * np.float32(255)).astype(np.uint8)


def prints(n: int, characters: str, purpose: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return n images of random characters in random fonts of FONTS[purpose], and the index of each character.

    images: (n, 28, 28) uint8, slanted and stretched, half of them hollow; indices: (n,) uint8.
    """
    glyphs, indices = draw_glyphs(characters, purpose)
    chosen = random.integers(len(glyphs), size=n)
    images = glyphs[chosen]
    for start in range(0, n, PART):
        part = slice(start, start + PART)
        images[part] = to_levels(deform(to_float(images[part]), SLANT, random))
    return images, indices[chosen]


def draw_glyphs(characters: str, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw each character, full and hollow, in each font that has it: (m, 28, 28) uint8; and its index, (m,) uint8."""
    found = find_spec("matplotlib")  # not imported: that takes long, and fails if a notebook selects its own backend
    assert found and found.origin
    folder = Path(found.origin).parent / "mpl-data/fonts/ttf"
    fonts = [None if font is None else folder / f"{font}.ttf" for font in FONTS[purpose]]
    pairs = [
        (index, font)
        for index, character in enumerate(characters)
        for font in fonts
        if character.isalnum() or not (font and font.name.startswith("cm"))  # Computer Modern has other symbols there
    ]
    glyphs = [draw_glyph(characters[index], font, hollow) for hollow in (False, True) for index, font in pairs]
    return np.stack(glyphs), np.array(2 * [index for index, _ in pairs], np.uint8)


def draw_glyph(character: str, path: Path | None, hollow: bool) -> np.ndarray:
    """Draw a character or its outline in a font, None for Pillow's own, scaled to fit: (28, 28) uint8."""
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
    """Return integers from 0 to 255, (28, 28), with their centre of mass moved to the middle: uint8."""
    shift = [move(levels.sum(axis=1)), move(levels.sum(axis=0))]
    return np.roll(levels, shift, axis=(0, 1)).astype(np.uint8)


def move(profile: np.ndarray) -> int:
    """Return the shift in pixels that puts the centre of a profile of masses, integers, in the middle."""
    centre = int((profile * np.arange(len(profile))).sum()) / int(profile.sum())
    return int(np.clip(np.rint(CENTRE - centre), -MARGIN, MARGIN))
