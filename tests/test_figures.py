from functools import partial

import numpy as np
import pytest

from common.errors import PipelineError
from common.files import require
from conftest import PROJECT, succeed
from drawing import figures

DRAW = """
import sys; sys.path.insert(0, {stages!r})
from pathlib import Path
import numpy as np
from drawing import figures
figures.save(figures.gallery(np.eye(28)[None], ["eye"], 1, 1.5), Path("a.png"))
"""


def test_equal_data_gives_equal_bytes_whatever_the_users_settings(tmp_path):
    code = DRAW.format(stages=str(PROJECT / "stages"))
    contents = []
    for number, settings in enumerate(["", "figure.dpi: 50\nfont.size: 20\nimage.cmap: jet\n"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "matplotlibrc").write_text(settings)
        succeed(
            folder, "python", "-c", code, MPLCONFIGDIR=str(folder), TZ=["UTC", "Asia/Tokyo"][number], MPLBACKEND="svg"
        )
        contents.append((folder / "a.png").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"\x89PNG")
    assert b"Software" not in contents[0]


def test_a_gallery_without_images_is_empty_but_drawn(tmp_path):
    figures.save(figures.gallery([], [], 6, 1.5), tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0


def test_figures_drawn_side_by_side_have_the_same_bytes_as_one_drawn_alone(tmp_path):
    draw = partial(figures.gallery, np.eye(28)[None], ["eye"], 1, 1.5)
    figures.save(draw(), tmp_path / "alone.png")
    figures.save_all({tmp_path / f"{number}.png": draw for number in range(3)})
    assert {(tmp_path / f"{name}.png").read_bytes() for name in ["alone", 0, 1, 2]} == {
        (tmp_path / "alone.png").read_bytes()
    }


def test_an_error_in_drawing_reaches_the_stage(tmp_path):
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        figures.save_all({tmp_path / "none.png": partial(require, tmp_path / "none", "train")})
    assert not list(tmp_path.iterdir())


def test_images_lie_in_rows_under_their_titles_and_ink_is_dark_on_light():
    figure = figures.gallery(np.random.default_rng(0).random((3, 28, 28)), ["a", "b", "c"], 2, 1.0)
    (axes,) = figure.axes
    titles = {text.get_text(): text.get_position() for text in axes.texts}
    for image, (left, right, bottom, top) in zip("abc", (image.get_extent() for image in axes.images), strict=True):
        assert left < titles[image][0] < right
        assert titles[image][1] < top < bottom
    assert titles["a"][1] == titles["b"][1] < titles["c"][1]
    assert titles["a"][0] == titles["c"][0] < titles["b"][0]
    assert axes.images[0].get_cmap()(0.0)[0] == 1
    assert axes.images[0].get_cmap()(1.0)[0] == 0
    figures.plt.close(figure)
