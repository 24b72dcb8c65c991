"""Lines of writing and the marks in them: no digit is lost without notice, and no number changes."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from reader.reading.page import Page, find_symbols

PITCH, HEIGHT = 60, 52  # pixels


def typeset(*lines: str, turn: float = 0, taller: tuple[int, int] | None = None) -> np.ndarray:
    """Set characters apart on white, (h, w) float32; `taller`: line and position of a stroke 1.7 times as high."""
    image = Image.new("L", (PITCH * (max(map(len, lines)) + 2), 95 * len(lines) + 60), 255)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        base = 110 + 95 * row
        for place, character in enumerate(line):
            x = PITCH * (place + 1.5)
            if (row, place) == taller:
                draw.line([(x, base - HEIGHT), (x, base + 0.7 * HEIGHT)], fill=0, width=6)
            else:
                draw.text((x, base), character, font=ImageFont.load_default(72), anchor="ms", fill=0)
    return np.asarray(image.rotate(turn, Image.Resampling.BILINEAR, expand=True, fillcolor=255), np.float32)


def shape(page: Page) -> list[str]:
    """Return each line with `d` for a digit."""
    return ["".join(symbol.mark or "d" for symbol in line) for line in page.lines]


@pytest.mark.parametrize("turn", [0, 3, -4, 8, -8])
def test_lines_of_writing_are_found_on_a_turned_photo(turn):
    assert shape(find_symbols(typeset("7204168", "39905", turn=turn))) == ["d" * 7, "d" * 5]


def test_a_tall_digit_joins_no_two_lines():
    assert shape(find_symbols(typeset("72041", "399", taller=(0, 4)))) == ["ddddd", "ddd"]


@pytest.mark.parametrize(
    ("text", "expected"), [("12.50", "dd.dd"), ("3,14", "d,dd"), ("-52", "-dd"), ("(030)6", "(ddd)d"), ("7|3", "d|d")]
)
def test_marks_are_named(text, expected):
    assert shape(find_symbols(typeset(text))) == [expected]


def test_a_slash_is_never_a_sure_digit():
    symbols = find_symbols(typeset("22/05/2024")).lines[0]
    assert len(symbols) == 10
    assert all(symbols[i].mark or not symbols[i].single for i in (2, 5))


def test_a_taller_slash_is_named():
    page = typeset("22 05")
    image = Image.fromarray(page)
    ImageDraw.Draw(image).line([(PITCH * 3.2, 122), (PITCH * 3.8, 45)], fill=0, width=6)
    assert shape(find_symbols(np.asarray(image))) == ["dd/dd"]


@pytest.mark.parametrize("spacing", [18, 24, 30])
def test_strokes_across_the_lines_of_the_paper_are_digits(spacing):
    image = Image.fromarray(typeset("88 89 ").clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for place in (2, 5):
        draw.line([(PITCH * (place + 1.5), 58), (PITCH * (place + 1.5), 112)], fill=0, width=6)
    for y in range(9, image.height, spacing):
        draw.line([(0, y), (image.width, y)], fill=120, width=1)
    found = find_symbols(np.asarray(image, np.float32))
    assert shape(found) == ["dddddd"]


def test_ink_that_is_not_read_is_counted():
    image = Image.fromarray(typeset("52").astype(np.uint8))
    ImageDraw.Draw(image).ellipse([PITCH * 2 - 6, 8, PITCH * 2 + 6, 20], fill=0)
    page = find_symbols(np.asarray(image, np.float32))
    assert shape(page) == ["dd"]
    assert page.left_out == 1
    assert not page.sure
