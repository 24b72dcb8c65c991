import numpy as np
import pytest

from drawing import figures
from fixtures import PROJECT, succeed

DRAW = f"""
import sys; sys.path.insert(0, {str(PROJECT / "stages")!r})
from pathlib import Path
import numpy as np
from drawing import figures
figures.save(figures.gallery(np.eye(28)[None], ["eye"], 1, 1.5), Path("a.png"))
"""
SETTINGS = [
    {},
    {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "TZ": "Asia/Tokyo"},  # as every notebook exports it
    {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": "broken", "MPLCONFIGDIR": "/proc/nowhere", "HOME": "/proc/nowhere"},
]


@pytest.mark.slow
def test_equal_data_gives_equal_bytes_whatever_the_users_settings(tmp_path):
    (tmp_path / "broken").write_bytes(b"backend: \xff\xfe\nfont.size: 20\n")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 50\nsavefig.facecolor: red\nbackend: nonsense\n")
    contents = []
    for settings in SETTINGS:
        assert succeed(tmp_path, "python", "-c", DRAW, **settings) == ""
        contents.append((tmp_path / "a.png").read_bytes())
        (tmp_path / "matplotlibrc").unlink(missing_ok=True)  # it lies there for the first of them
    assert set(contents) == {contents[0]}
    assert contents[0].startswith(b"\x89PNG")
    assert b"Software" not in contents[0]


def test_a_name_is_drawn_as_it_is_written():
    name = r"US\$/A$_b 100% $\frac$"
    (text,) = figures.gallery(np.eye(28)[None], [f"{name}\nn = 3"], 1, 5.0).axes[0].texts
    assert text._preprocess_math(text.get_text()) == (f"{name}\nn = 3", False)  # passed to the renderer
    figures.plt.close("all")


@pytest.mark.parametrize(("scale", "place"), [(1.5, (1.0, 0.1)), (3, (0.987, 0.123))])
def test_every_pixel_of_an_image_is_a_square_of_its_grey_level_dark_ink_on_light(scale, place):
    grey = np.random.default_rng(0).integers(1, 256, (28, 28))  # no paper, to find its edges
    figure, axes = figures.sheet(2, 2)
    figures.draw_image(axes, (grey / 255).astype(np.float32), *place, scale)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., 0]
    rows, columns = (np.flatnonzero((drawn < 255).any(axis=axis)) for axis in (1, 0))
    expected = np.kron(255 - grey, np.ones((int(figures.SHARP * scale),) * 2))
    image = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_allclose(image, expected, rtol=0, atol=1)  # the colour map truncates
    figures.plt.close(figure)
