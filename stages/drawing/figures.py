"""The look of every figure, and how it is saved so that equal data gives equal bytes. Import Matplotlib from here."""

import logging
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.files import atomic_write
from contracts import dataset

# What a notebook exports as MPLBACKEND, or has in a matplotlibrc, can make the import of Matplotlib itself fail.
os.environ.update(MPLBACKEND="agg", MATPLOTLIBRC=os.devnull)
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of a home that cannot be written to, which does not matter
import matplotlib
import matplotlib.pyplot as plt
import seaborn as sns  # noqa: F401
from matplotlib import font_manager  # noqa: F401
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure  # noqa: F401
from matplotlib.font_manager import FontProperties
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # one for each letter; fonts.py says it in a line
matplotlib.rcdefaults()  # a matplotlibrc in the current folder changes nothing
plt.rcParams.update(
    {
        "figure.dpi": 220,  # sharp on a screen of two pixels to a point
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#e5e5e5",
        "axes.axisbelow": True,
        "text.parse_math": False,  # a class may be called `US$`
    }
)

# The palette of Okabe and Ito (2008): distinct for colour-blind readers and in grey.
TRAIN, VALIDATION, TEST = "#0072B2", "#D55E00", "#7A7A7A"

SHARP = 2  # pixels of a figure for each 1/110 inch

Images = np.ndarray | Sequence[np.ndarray]  # (n, 28, 28) in [0, 1]

TITLE = 0.45  # inches, two lines above an image of a gallery
LINE = 0.19  # inches, each line more
TEXT = 11  # points, of such a title


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, without the version of Matplotlib in it, and close it."""
    with atomic_write(path) as part:
        figure.savefig(part, format="png", metadata={"Software": None})
    plt.close(figure)


def as_sheet(axes: Axes, width: float, height: float) -> None:
    """Make the axes a sheet to lay images out on, in inches from its upper left corner.

    One axes for all of them: Matplotlib would take ten times as long to lay out one for each.
    """
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of that size and the only axes in it, a sheet."""
    figure, axes = plt.subplots(figsize=(width, height))
    as_sheet(axes, width, height)
    return figure, axes


def draw_image(
    axes: Axes,
    image: np.ndarray,
    middle: float,
    top: float,
    scale: int,
    coordinates: tuple[str, str] = ("data", "data"),
) -> AnnotationBbox:
    """Draw one image, (28, 28) in [0, 1], dark ink on white; each of its pixels is a square of `scale` / 110 inch.

    The middle of its upper edge is at a place given in the coordinates of the axes. An image drawn at a scale that is
    not a whole number is smoothed by Matplotlib, which rounds otherwise on ARM than on x86-64.
    """
    pixels = OffsetImage(
        image, zoom=SHARP * scale, cmap="gray_r", norm=Normalize(0, 1), interpolation="nearest", dpi_cor=False
    )
    box = AnnotationBbox(pixels, (middle, top), xycoords=coordinates, box_alignment=(0.5, 1), frameon=False, pad=0)
    axes.add_artist(box)
    return box


def text_width(texts: Sequence[str], size: float) -> float:
    """Return the width of the widest line of all texts, in inches, when they are drawn in `size` points."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    dpi, font = 720, FontProperties(size=size)
    measure = RendererAgg(1, 1, dpi).get_text_width_height_descent
    return max((measure(line, font, ismath=False)[0] / dpi for line in lines), default=0)


def wrap(text: str, width: float) -> str:
    """Break the lines of a title at spaces, so that none is wider than `width` inches unless one word is."""
    lines = []
    for line in text.split("\n"):
        current, *words = re.split(" (?!%)", line)
        for word in words:
            if text_width([f"{current} {word}"], TEXT) > width:
                lines.append(current)
                current = word
            else:
                current += f" {word}"
        lines.append(current)
    return "\n".join(lines)


def draw_gallery(axes: Axes, images: Images, titles: Sequence[str], columns: int, width: float) -> None:
    """Make the axes a sheet of images in rows of `columns`, `width` inches for each, and titles above them."""
    title_height = TITLE + LINE * max(0, max((title.count("\n") - 1 for title in titles), default=0))
    height, scale = width + title_height, int(0.9 * width * 110 / dataset.SHAPE[1])
    as_sheet(axes, columns * width, max(1, -(-len(titles) // columns)) * height)
    for i, (image, title) in enumerate(zip(images, titles, strict=True)):
        middle, top = (i % columns + 0.5) * width, i // columns * height
        axes.text(middle, top + title_height / 2, title, ha="center", va="center", fontsize=TEXT)
        draw_image(axes, image, middle, top + title_height, scale)


def gallery(images: Images, titles: Sequence[str], columns: int, width: float) -> Figure:
    """Return a figure with such a sheet; long titles are broken into lines, and make columns wider and fewer."""
    titles = [wrap(title, 0.95 * width) for title in titles]
    wide = max(width, text_width(titles, TEXT) / 0.95)
    figure, axes = plt.subplots()
    draw_gallery(axes, images, titles, max(1, int(columns * width / wide)), wide)
    figure.set_size_inches(axes.get_xlim()[1], axes.get_ylim()[0])
    return figure
