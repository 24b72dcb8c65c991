"""Draw pictures beside what the network saw of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import PipelineError
from drawing import figures
from drawing.figures import plt

if TYPE_CHECKING:
    from predict import Answer, Picture

MOST = 8  # digits of one picture, and 30 pictures: more would be too small to look at
ROWS = 30
WIDTH = 1.3  # inches, of a digit


def save_pictures(pictures: "list[Picture]", answers: "list[list[Answer]]", path: Path) -> None:
    """Write a PNG with a row for each picture. Raises PipelineError if there is none."""
    rows = [(p, found) for p, found in zip(pictures, answers, strict=True) if p.grey is not None][:ROWS]
    if not rows:
        raise PipelineError(f"{path} was not drawn: no image could be read")
    columns = max(1, min(MOST, max(len(found) for _, found in rows)))
    figure, grid = plt.subplots(
        len(rows),
        2,
        figsize=(3 + WIDTH * columns, (WIDTH + figures.TITLE) * len(rows)),
        squeeze=False,
        width_ratios=[3, WIDTH * columns],
    )
    for (left, right), (picture, found) in zip(grid, rows, strict=True):
        left.set_axis_off()
        left.imshow(picture.grey, cmap="gray", vmin=0, vmax=255)
        left.set_title(Path(picture.name).name[-40:] if found else f"{Path(picture.name).name[-40:]}: no digit")
        titles = [f"{a.digit}{'' if a.sure else '?'}\n{100 * a.confidence:.0f} %" for a in found[:columns]]
        figures.draw_gallery(right, [image for image, _ in picture.digits[:columns]], titles, columns, WIDTH)
    figures.save(figure, path)
