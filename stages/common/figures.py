"""The look of every figure, and how it is saved so that equal data gives equal bytes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.files import whole

matplotlib.use("Agg")
matplotlib.rcdefaults()  # a matplotlibrc of the user's changes nothing
plt.rcParams.update(
    {
        "figure.dpi": 110,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#e5e5e5",
        "axes.axisbelow": True,
    }
)

# Okabe and Ito (2008), told apart by colour-blind readers and in grey.
TRAIN, VALIDATION, TEST = "#0072B2", "#D55E00", "#7A7A7A"


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without the version of Matplotlib in it, and close the figure."""
    with whole(path) as part:
        figure.savefig(part, format="png", metadata={"Software": None})
    plt.close(figure)


def draw_image(axes: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw one image, (28, 28) in [0, 1], dark ink on white."""
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    axes.set_axis_off()
    axes.set_title(title)


def draw_gallery(
    images: Iterable[np.ndarray], titles: Sequence[str], columns: int, width: float, height: float
) -> Figure:
    """Draw titled images in rows of `columns`; width and height of one, title included, in inches."""
    rows = max(1, -(-len(titles) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(columns * width, rows * height), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        draw_image(axes, image, title)
    return figure
