"""The page's script finds the digits that the reader finds in a drawing."""

from itertools import chain

import numpy as np
from PIL import Image, ImageDraw

from fixtures import PROJECT, tiny_mnist
from reader.reading.digits import find_digits


def seven(height: int = 120, width: int = 100) -> np.ndarray:
    """Ink (height, width) in {0, 1}: a 7 of straight strokes, 60 rows high and 40 columns wide."""
    ink = np.zeros((height, width))
    ink[30:38, 30:70] = 1
    for row in range(30, 90):
        column = 66 - (row - 30) // 2
        ink[row, column - 4 : column + 4] = 1
    return ink


def several() -> np.ndarray:
    """Two lines of drawn digits, a hyphen, a speck, a hat 5 pixels from its digit, a blob and a broad one."""
    image = Image.new("L", (150, 140), 255)
    draw = ImageDraw.Draw(image)
    for stroke in (
        [(15, 15), (15, 55)],
        [(35, 35), (50, 36)],
        [(60, 22), (60, 38), (85, 38), (85, 58), (60, 58)],
        [(64, 12), (88, 12)],
        [(110, 20), (112, 20)],
        [(15, 85), (25, 120), (40, 85), (55, 120), (70, 85), (80, 120)],
    ):
        draw.line(stroke, fill=0, width=5)
    draw.ellipse((100, 80, 135, 118), fill=40)
    return np.asarray(image, np.float32)


def test_the_browser_finds_the_same_digits(browser, tmp_path):
    tiny = tiny_mnist()["t10k-images-idx3-ubyte"][:10]
    greys = [255 * seven(), 255 - 200 * seven(90, 120), np.full((9, 7), 200.0)]
    greys += [np.zeros((5, 4)), np.eye(41) * 255, 255 * np.eye(40, 13)[::-1], np.linspace(0, 300, 90)[None], *tiny]
    greys += [several(), 255 - several()]
    page = tmp_path / "page.html"
    scripts = "".join((PROJECT / f"stages/page/web/{name}.js").read_text() for name in ("prepare", "digits"))
    page.write_text(f"<script>{scripts}</script>")
    browser.get(page.as_uri())
    found = browser.execute_script(
        "return arguments[0].map(([grey, width, height]) => findDigits(Float32Array.from(grey), width, height)"
        ".map(({ image, box, single }) => [[...image], box, single]))",
        [[grey.ravel().tolist(), grey.shape[1], grey.shape[0]] for grey in greys],
    )
    expected = [find_digits(grey.astype(np.float32)) for grey in greys]
    assert [len(digits) for digits in found] == [len(digits) for digits in expected]
    assert {len(digits) for digits in expected} >= {0, 1, 4}
    assert {digit.single for digits in expected for digit in digits} == {False, True}
    for (image, box, single), twin in zip(chain(*found), chain(*expected), strict=True):
        assert (tuple(box), single) == (twin.box[:4], twin.single)
        np.testing.assert_allclose(np.reshape(image, (28, 28)), twin.image, rtol=0, atol=1e-5)
