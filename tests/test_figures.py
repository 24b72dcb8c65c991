import numpy as np

from common import figures
from conftest import succeed

DRAW = """
import sys; sys.path.insert(0, {stages!r})
from pathlib import Path
import numpy as np
from common import figures
figures.save(figures.draw_gallery(np.eye(28)[None], ["eye"], 1, 1.5, 1.9), Path("a.png"))
"""


def test_equal_data_gives_equal_bytes_whatever_the_users_settings(tmp_path):
    code = DRAW.format(stages=figures.__file__.rsplit("/common", 1)[0])
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
    figures.save(figures.draw_gallery([], [], 6, 1.5, 1.9), tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0


def test_ink_is_dark_on_light():
    figure, axes = figures.plt.subplots()
    figures.draw_image(axes, np.eye(28))
    image = axes.images[0]
    assert image.get_cmap()(0.0)[0] == 1
    assert image.get_cmap()(1.0)[0] == 0
    figures.plt.close(figure)
