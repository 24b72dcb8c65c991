"""Lines of writing and the marks in them: no digit is lost without notice, and no number changes."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fixtures import PROJECT
from reader.reading.network import load
from reader.reading.page import Page, find_symbols, read
from reader.reading.touching import find_cuts

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


def test_two_slashes_alike_are_named_and_a_single_one_is_no_sure_digit():
    assert shape(find_symbols(typeset("22/05/2024"))) == ["dd/dd/dddd"]
    assert not find_symbols(typeset("22/05")).lines[0][2].single


def test_a_bracket_without_its_partner_is_a_digit_that_is_not_sure():
    page = find_symbols(typeset("5(2"))
    assert shape(page) == ["ddd"]
    assert not page.lines[0][1].single


def test_a_point_that_stands_after_the_last_digit_is_left_out():
    page = find_symbols(typeset("52."))
    assert (shape(page), page.left_out) == (["dd"], 1)


def test_a_stroke_with_a_dot_above_is_no_sure_digit():
    assert [symbol.single for symbol in find_symbols(typeset("5i")).digits] == [True, False]


def test_a_thin_stroke_close_to_another_may_be_a_part_of_it():
    image = typeset("5 9")
    image[60:110, int(2.5 * PITCH) - 3 : int(2.5 * PITCH) + 3] = 0
    assert [symbol.single for symbol in find_symbols(image).digits] == [True, True, True]
    image[60:110, int(2.5 * PITCH) + 7 : int(2.5 * PITCH) + 13] = 0
    assert [symbol.single for symbol in find_symbols(image).digits] == [True, False, False, True]


def test_digits_that_touch_are_cut_apart_and_not_sure():
    image = typeset("5234")
    image[82:87, int(1.4 * PITCH) : int(2.6 * PITCH)] = 0
    page = read(image, load(PROJECT))
    answers = [symbol.answer for symbol in page.digits]
    assert [(answer.digit, answer.sure) for answer in answers[:2]] == [("5", False), ("2", False)]
    assert len(answers) == 4


def test_a_wide_piece_without_parts_as_high_as_digits_is_not_cut():
    slope = np.eye(40, 40).repeat(5, axis=1)
    assert find_cuts(slope, load(PROJECT)) == []


def test_a_point_close_beside_a_digit_is_a_point():
    image = typeset("52")
    foot = np.flatnonzero((image[:, : 2 * PITCH] < 128).any(axis=0))[-1]
    image[104:111, foot + 3 : foot + 10] = 0
    assert shape(find_symbols(image)) == ["d.d"]


def test_two_halves_of_a_digit_are_one():
    image = typeset("3")
    image[83] = 255
    assert shape(find_symbols(image)) == ["d"]


def test_a_taller_slash_is_named():
    page = typeset("22 05")
    image = Image.fromarray(page)
    ImageDraw.Draw(image).line([(PITCH * 3.2, 122), (PITCH * 3.8, 45)], fill=0, width=6)
    assert shape(find_symbols(np.asarray(image))) == ["dd/dd"]


@pytest.mark.parametrize(("spacing", "width"), [(18, 6), (24, 6), (24, 3), (30, 6)])
def test_strokes_across_the_lines_of_the_paper_are_digits(spacing, width):
    image = Image.fromarray(typeset("88 89 ").clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for place in (2, 5):
        draw.line([(PITCH * (place + 1.5), 58), (PITCH * (place + 1.5), 112)], fill=0, width=width)
    for y in range(9, image.height, spacing):
        draw.line([(0, y), (image.width, y)], fill=120, width=1)
    assert shape(find_symbols(np.asarray(image, np.float32))) == ["dddddd"]


def test_a_stroke_along_a_pale_line_is_not_removed_with_it():
    plain = typeset("704")
    top = np.flatnonzero((plain < 128).any(axis=1))[0]
    lined = plain.copy()
    for y in (top + 2, top + 44):
        lined[y : y + 3] = np.minimum(lined[y : y + 3], 165)
    for digit, expected in zip(find_symbols(lined).digits, find_symbols(plain).digits, strict=True):
        assert np.corrcoef(digit.image.ravel(), expected.image.ravel())[0, 1] > 0.98


def test_pieces_of_a_faint_line_are_not_dashes():
    image = typeset("52", "39")
    for left in range(0, image.shape[1], 40):
        image[83, left : left + 25] = np.minimum(image[83, left : left + 25], 140)
    page = find_symbols(image)
    assert (shape(page), page.left_out) == (["dd", "dd"], 0)


def test_ink_that_is_not_read_is_counted():
    image = Image.fromarray(typeset("52").astype(np.uint8))
    ImageDraw.Draw(image).ellipse([PITCH * 2 - 6, 8, PITCH * 2 + 6, 20], fill=0)
    page = find_symbols(np.asarray(image, np.float32))
    assert shape(page) == ["dd"]
    assert page.left_out == 1
    assert not page.sure
