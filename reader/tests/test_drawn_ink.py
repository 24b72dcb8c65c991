"""The ink beside MNIST's digits that the reader is trained on: printed characters, and what is not a single digit."""

import numpy as np
import pytest

from fixtures import IMAGES
from reader.ink import non_digits
from reader.ink.glyphs import FONTS, draw_glyph, prints

DIGITS = IMAGES.astype(np.uint8)


def test_non_digits_are_drawn_as_mnist_has_its_digits_and_the_same_for_the_same_seed():
    kinds = non_digits.draw(41, DIGITS, "train", np.random.default_rng(0))
    assert {kind: len(images) for kind, images in kinds.items()} == {
        "letters": 12,
        "strokes": 17,
        "scribbles": 6,
        "pairs": 6,
    }
    for images in kinds.values():
        assert (images.shape[1:], images.dtype) == ((28, 28), np.uint8)
        assert (images.max(axis=(1, 2)) > 128).all()
    for image in np.concatenate([kinds["strokes"], kinds["scribbles"]]):
        rows, columns = np.nonzero(image)
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22  # fits into 20x20
    again = non_digits.draw(41, DIGITS, "train", np.random.default_rng(0))
    assert all((again[kind] == images).all() for kind, images in kinds.items())


def test_a_pair_is_two_digits_side_by_side():
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[:, 4:24, 12:16] = 255
    (pair,) = non_digits.pairs(1, bar, np.random.default_rng(0))
    columns = np.flatnonzero(pair.max(axis=0) > 128)
    assert 5 <= len(columns) <= 8  # two of four columns each that overlap by up to three
    assert columns[0] == non_digits.MARGIN


def test_printed_characters_come_with_their_index():
    images, labels = prints(60, "7a+", "train", np.random.default_rng(0))
    assert (images.shape, images.dtype, labels.dtype) == ((60, 28, 28), np.uint8, np.uint8)
    assert set(labels.tolist()) == {0, 1, 2}
    assert (images.max(axis=(1, 2)) > 128).all()


@pytest.mark.parametrize("purpose", ["validation", "test"])
def test_no_font_of_the_training_is_measured(purpose):
    assert not {*FONTS["train"]} & {*FONTS[purpose]}


def test_a_hollow_character_is_the_outline_of_the_full_one():
    full, hollow = (draw_glyph("0", None, hollow) for hollow in (False, True))
    assert hollow.sum() != full.sum()
    assert hollow[14, 14] == full[14, 14] == 0
