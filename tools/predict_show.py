"""Draw pictures beside what the network saw of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

import stages_on_path  # noqa: F401
from common import figures
from common.errors import PipelineError

if TYPE_CHECKING:
    from predict import Answer, Picture

MOST = 8  # digits of one picture, and 30 pictures: more would be too small to look at
ROWS = 30


def save_pictures(pictures: "list[Picture]", answers: "list[list[Answer]]", path: Path) -> None:
    """Write a PNG with a row for each picture. Raises PipelineError if there is none."""
    rows = [(p, found) for p, found in zip(pictures, answers, strict=True) if p.grey is not None][:ROWS]
    if not rows:
        raise PipelineError(f"{path} was not drawn: no image could be read")
    columns = max(1, min(MOST, max(len(found) for _, found in rows)))
    figure, grid = plt.subplots(
        len(rows),
        1 + columns,
        figsize=(3 + 1.2 * columns, 1.8 * len(rows)),
        squeeze=False,
        width_ratios=[2.5] + [1] * columns,
    )
    for line, (picture, found) in zip(grid, rows, strict=True):
        for axes in line:
            axes.set_axis_off()
        line[0].imshow(picture.grey, cmap="gray", vmin=0, vmax=255)
        line[0].set_title(Path(picture.name).name[-40:] if found else f"{Path(picture.name).name[-40:]}: no digit")
        for axes, (image, _), a in zip(line[1:], picture.digits, found, strict=False):
            figures.draw_image(axes, image, f"{a.digit}{'' if a.sure else '?'}\n{100 * a.confidence:.0f} %")
    figures.save(figure, path)
