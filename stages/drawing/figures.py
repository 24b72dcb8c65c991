"""The style and font of all figures, and saving them with reproducible bytes. Import Matplotlib from here."""

import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.files import atomic_write
from contracts import dataset

# An MPLBACKEND exported by a notebook, or a broken matplotlibrc, can make the import of Matplotlib itself fail.
os.environ.update(MPLBACKEND="agg", MATPLOTLIBRC=os.devnull)
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # silence its warnings about a read-only home
import matplotlib
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure  # noqa: F401
from matplotlib.font_manager import FontProperties
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # one per letter; choose_font prints a single line
matplotlib.rcdefaults()  # ignore a matplotlibrc in the current folder
plt.rcParams.update(
    {
        "figure.dpi": 220,  # sharp on high-resolution screens
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#e5e5e5",
        "axes.axisbelow": True,
        "text.parse_math": False,  # a class may be named `US$`
    }
)

# The palette of Okabe and Ito (2008): distinct for colour-blind readers and in grey.
TRAIN, VALIDATION, TEST = "#0072B2", "#D55E00", "#7A7A7A"

SHARP = 2  # pixels per 1/110 inch
WIDTH = 4.2  # inches, of a chart: legible on a phone, and two fit side by side on a desktop screen

# Titles above the images of a gallery:
TITLE = 0.45  # inches, height of two lines
LINE = 0.19  # inches, each further line
TEXT = 11  # points
LETTERS = 11  # per inch


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, without Matplotlib's version in it, and close it."""
    with atomic_write(path) as part:
        figure.savefig(part, format="png", metadata={"Software": None})
    plt.close(figure)


def choose_font(font: str | None, names: Iterable[str]) -> None:
    """Draw letters that DejaVu Sans lacks in `font`, the name of an installed font or the path of a font file.

    Prints one line on standard error if letters of the names will be drawn as boxes all the same. Raises PipelineError
    if there is no such font.
    """
    families = ["DejaVu Sans", *([find_font(font)] if font else [])]
    plt.rcParams["font.family"] = families
    missing = {letter for letter in "".join(names) if not letter.isspace()}
    for family in families:
        missing -= {chr(code) for code in font_manager.get_font(font_manager.findfont(family)).get_charmap()}
    if missing:
        shown = " ".join(sorted(missing)[:10])
        print(
            f"figures: boxes stand for {shown}: name a font that has them in params.yaml, figures.font", file=sys.stderr
        )


def find_font(font: str) -> str:
    """Register a font with Matplotlib and return its name. Raises PipelineError if there is no such font."""
    try:
        if Path(font).suffix.lower() in (".ttf", ".otf", ".ttc"):
            font_manager.fontManager.addfont(font)
            return font_manager.get_font(font).family_name
        font_manager.findfont(font, fallback_to_default=False)
    except (OSError, ValueError, RuntimeError):
        raise PipelineError(
            f"figures.font: expected an installed font or the path of a font file, found {font!r}"
        ) from None
    return font


def as_sheet(axes: Axes, width: float, height: float) -> None:
    """Turn the axes into a sheet for images, with coordinates in inches from its upper left corner.

    One axes holds all images, because the layout of one axes per image takes Matplotlib ten times as long.
    """
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of that size in inches with a single axes, a sheet."""
    figure, axes = plt.subplots(figsize=(width, height))
    as_sheet(axes, width, height)
    return figure, axes


def draw_image(
    axes: Axes,
    image: np.ndarray,
    middle: float,
    top: float,
    scale: float,
    coordinates: tuple[str, str] = ("data", "data"),
) -> AnnotationBbox:
    """Draw one image, (28, 28) in [0, 1], dark ink on white; each of its pixels is a square of `scale` / 110 inch.

    (middle, top) is the middle of its upper edge, in the given coordinates. `scale` is a multiple of 1 / SHARP: at any
    other scale, Matplotlib interpolates, with rounding that differs between ARM and x86-64.
    """
    pixels = OffsetImage(
        image, zoom=SHARP * scale, cmap="gray_r", norm=Normalize(0, 1), interpolation="nearest", dpi_cor=False
    )
    box = AnnotationBbox(pixels, (middle, top), xycoords=coordinates, box_alignment=(0.5, 1), frameon=False, pad=0)
    axes.add_artist(box)
    return box


def text_width(texts: Sequence[str], size: float) -> float:
    """Return the width in inches of the widest line of all texts, drawn in `size` points."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    dpi, font = 720, FontProperties(size=size)
    measure = RendererAgg(1, 1, dpi).get_text_width_height_descent
    return max((measure(line, font, ismath=False)[0] / dpi for line in lines), default=0)


def chart_width(names: Sequence[str]) -> float:
    """Return the width in inches of a chart with these names at its axis: WIDTH, or more for long names."""
    return WIDTH + max(0, text_width(names, 10) - 1)


def draw_gallery(axes: Axes, images: np.ndarray, titles: Sequence[str], columns: int, width: float) -> None:
    """Draw images, (n, 28, 28) in [0, 1], below their titles, in rows of `columns`, `width` inches each."""
    title_height = TITLE + LINE * max(0, max((title.count("\n") - 1 for title in titles), default=0))
    height, scale = width + title_height, int(0.9 * width * 110 / dataset.SHAPE[1])
    as_sheet(axes, columns * width, max(1, -(-len(titles) // columns)) * height)
    for i, (image, title) in enumerate(zip(images, titles, strict=True)):
        middle, top = (i % columns + 0.5) * width, i // columns * height
        axes.text(middle, top + title_height / 2, title, ha="center", va="center", fontsize=TEXT)
        draw_image(axes, image, middle, top + title_height, scale)


def gallery(images: np.ndarray, titles: Sequence[str], columns: int, width: float) -> Figure:
    """Return a figure with a gallery; long titles are wrapped, or make the columns wider and fewer."""
    wrap = partial(textwrap.fill, width=int(LETTERS * width), break_long_words=False, break_on_hyphens=False)
    titles = ["\n".join(map(wrap, title.split("\n"))) for title in titles]
    wide = max(width, text_width(titles, TEXT) / 0.95)
    figure, axes = plt.subplots()
    draw_gallery(axes, images, titles, max(1, int(columns * width / wide)), wide)
    figure.set_size_inches(axes.get_xlim()[1], axes.get_ylim()[0])
    return figure
