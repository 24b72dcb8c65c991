"""Digits are found on the papers people use, and nothing else is: no font, no network, only shapes."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from contracts.reader import move
from reader.reading.page import Symbol, find_symbols
from reader.reading.pieces import find_pale, is_single, thicken, thickness
from reader.reading.rules import find_rules

TEXT = "5 2 3 7 8"


def find_digits(grey: np.ndarray) -> list[Symbol]:
    return find_symbols(grey).digits


SIZE = (420, 130)


def ruled(draw: ImageDraw.ImageDraw) -> None:
    for y in range(9, SIZE[1], 24):
        draw.line([(0, y), (SIZE[0], y)], fill=60, width=2)


def squared(draw: ImageDraw.ImageDraw) -> None:
    ruled(draw)
    for x in range(9, SIZE[0], 24):
        draw.line([(x, 0), (x, SIZE[1])], fill=60, width=2)


def frames(draw: ImageDraw.ImageDraw) -> None:
    for left in range(15, 390, 76):
        draw.rectangle((left, 22, left + 68, 115), outline=30, width=3)


def sudoku(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((14, 20, 394, 118), outline=30, width=3)
    for x in range(90, 390, 76):
        draw.line([(x, 20), (x, 118)], fill=30, width=2)


def circles(draw: ImageDraw.ImageDraw) -> None:
    for x in range(50, 400, 76):
        draw.ellipse((x - 36, 20, x + 36, 115), outline=0, width=3)


def hyphens(draw: ImageDraw.ImageDraw) -> None:
    for x in (88, 164, 240, 316):
        draw.line([(x - 8, 66), (x + 8, 67)], fill=0, width=5)


def specks(draw: ImageDraw.ImageDraw) -> None:
    for x in range(90, 400, 76):
        draw.ellipse((x, 30, x + 4, 34), fill=0)


def write(decorate: Callable | None, text: str = TEXT, turn: float = 0, light: bool = False) -> np.ndarray:
    """Digits in the middle of cells 76 pixels wide, on a decorated paper: (130, 420) float32."""
    image = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(image)
    for i, digit in enumerate(text.split()):
        draw.text((50 + 76 * i, 68), digit, font=ImageFont.load_default(76), anchor="mm", fill=20)
    if decorate:
        decorate(draw)
    image = image.rotate(turn, Image.Resampling.BILINEAR, fillcolor=255)
    grey = np.asarray(image, np.float32)
    return 255 - grey if light else grey


PAPERS = [None, ruled, squared, frames, sudoku, circles, hyphens, specks]


@pytest.mark.parametrize("light", [False, True], ids=["dark ink", "chalk"])
@pytest.mark.parametrize("turn", [0, 2.5, -4])
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.__name__ if paper else "plain")
def test_digits_are_found_on_every_paper_and_nothing_else(paper, turn, light):
    found = find_digits(write(paper, turn=turn, light=light))
    assert len(found) == 5
    plain = find_digits(write(None, turn=turn))
    for digit, expected in zip(found, plain, strict=True):
        assert digit.single
        np.testing.assert_allclose(digit.box[:4], expected.box[:4], atol=4)
        moved = move(digit.image[None])  # its centre of mass may be a pixel further on
        assert max(np.corrcoef(image.ravel(), expected.image.ravel())[0, 1] for image in moved) > 0.9


@pytest.mark.parametrize("turn", [0, 2.5, -4])
@pytest.mark.parametrize("paper", [ruled, squared, frames, sudoku], ids=lambda paper: paper.__name__)
def test_on_a_blank_paper_there_is_no_digit(paper, turn):
    assert find_digits(write(paper, text="", turn=turn)) == []


@pytest.mark.parametrize("turn", [3, 4, 5])
def test_walls_of_frames_side_by_side_are_lines_where_the_picture_cuts_them_off(turn):
    def close(draw: ImageDraw.ImageDraw) -> None:
        for left in range(12, 390, 76):
            draw.rectangle((left, 20, left + 74, 114), outline=30, width=3)

    cut = write(close, turn=turn)[12:-12]
    ink = cut < 128
    assert ink[0].any() and ink[-1].any()  # it does cut the frames off
    assert len(find_digits(cut)) == 5


@pytest.mark.parametrize("digit", list("0123456789"))
@pytest.mark.parametrize("size", [24, 120])
def test_a_digit_that_fills_its_picture_is_no_ruling(digit, size):
    image = Image.new("L", (2 * size, 2 * size), 255)
    ImageDraw.Draw(image).text((size, size), digit, font=ImageFont.load_default(size), anchor="mm", fill=0)
    grey = np.asarray(image, np.float32)
    rows, columns = (np.flatnonzero((grey < 128).any(axis=axis)) for axis in (1, 0))
    tight = grey[rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2]
    assert not find_rules(tight < 128).any()
    assert [found.single for found in find_digits(np.pad(tight, 5, constant_values=255))] == [True]


def test_a_dash_alone_is_no_digit_and_an_upright_stroke_is_one():
    stroke = np.full((60, 60), 255, np.float32)
    stroke[10:50, 28:33] = 0
    assert len(find_digits(stroke)) == 1
    assert find_digits(stroke.T) == []


@pytest.mark.parametrize(
    ("shape", "single"),
    [
        (np.ones((40, 4)), True),
        (np.ones((40, 40)), False),  # a spot
        (np.pad(np.zeros((30, 14)), 5, constant_values=1), True),  # a 0
        (np.pad(np.zeros((10, 60)), 5, constant_values=1), False),  # broader than a digit
        (np.tile(np.pad(np.zeros((8, 16)), 3, constant_values=1), (2, 1)), True),  # an 8
        (np.tile(np.pad(np.zeros((8, 16)), 3, constant_values=1), (3, 1)), False),  # three holes
        (np.arange(40)[:, None] // 4 % 2 + np.eye(1, 30) > 0, False),  # long: four teeth and more
    ],
    ids=["one", "spot", "zero", "broad", "eight", "ladder", "comb"],
)
def test_a_shape_is_of_one_digit_or_not(shape, single):
    assert is_single(shape > 0) == single


@pytest.mark.parametrize(("width", "expected"), [(1, 4), (6, 6)])
def test_thin_strokes_are_thickened_for_the_network(width, expected):
    ink = np.zeros((40, 24))
    ink[:, 9 : 9 + width] = ink[:width] = 1
    assert thickness(thicken(ink) > 0) == pytest.approx(expected, abs=1)


def test_pale_ink_is_of_lines_only_where_a_piece_is_longer_than_the_writing():
    ink = np.zeros((60, 100))
    ink[20:50, 20:26] = 1
    ink[20:30, 32:34] = 0.4  # a hairline of the writing
    assert not find_pale(ink, False).any()
    ink[10, 40:90] = 0.4
    assert np.argwhere(find_pale(ink, False))[:, 0].tolist() == [10] * 50 + sorted(2 * list(range(20, 30)))
    assert not find_pale(np.zeros((9, 9)), False).any()


def test_a_thin_rest_of_a_line_is_no_digit():
    def rest(draw: ImageDraw.ImageDraw) -> None:
        ruled(draw)
        draw.line([(406, 40), (406, 84)], fill=60, width=1)

    assert len(find_digits(write(rest))) == len(TEXT.split())
