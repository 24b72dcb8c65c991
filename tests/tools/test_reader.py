"""The reader: what it is trained on beside digits, and when it is sure."""

import json

import numpy as np
import pytest
import yaml

from contracts import reader
from fixtures import IMAGES, PROJECT
from ink import non_digits
from ink.glyphs import draw_glyph, prints
from reader.reading.network import load, predict
from stages.reader import calibrate, measure

NAMES = list("0123456789")
DIGITS = (IMAGES / 255).astype(np.float32)


def test_what_is_no_digit_is_drawn_as_digits_are():
    kinds = non_digits.draw(41, DIGITS, NAMES, np.random.default_rng(0))
    assert {kind: len(images) for kind, images in kinds.items()} == {
        "letters": 12,
        "strokes": 17,
        "scribbles": 6,
        "pairs": 6,
    }
    for images in kinds.values():
        assert (images.shape[1:], images.dtype) == ((28, 28), np.float32)
        assert images.min() >= 0
        assert images.max() <= 1
    for image in np.concatenate([kinds["strokes"], kinds["scribbles"]]):
        rows, columns = np.nonzero(image)
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22  # fits into 20x20
    twice = non_digits.draw(41, DIGITS, NAMES, np.random.default_rng(0))
    assert all((twice[kind] == images).all() for kind, images in kinds.items())


def test_a_pair_is_two_digits_side_by_side():
    bar = np.zeros((1, 28, 28), np.float32)
    bar[:, 4:24, 12:16] = 1
    (pair,) = non_digits.pairs(1, bar, np.random.default_rng(0))
    columns = np.flatnonzero(pair.max(axis=0) > 0.5)
    assert 5 <= len(columns) <= 8  # two of four, that overlap by up to three
    assert columns[0] == non_digits.MARGIN


def test_images_are_moved_without_coming_in_from_the_other_side():
    image = np.zeros((1, 28, 28))
    image[0, 4:24, 0:20] = 1  # at the edge, where a column is lost and none comes in from the other side
    moved = reader.move(image)
    assert moved.sum(axis=(1, 2)).tolist() == [400, 400, 400, 380, 400]
    assert [np.argwhere(m)[0].tolist() for m in moved] == [[4, 0], [3, 0], [5, 0], [4, 0], [4, 1]]
    np.testing.assert_array_equal(reader.average(moved.reshape(5, -1)), moved.reshape(5, -1).mean(axis=0)[None])


def test_sure_is_the_lowest_confidence_that_few_enough_reach_wrongly():
    wrong = {"digits": np.array([0, 0, 0.7, 0.9]), "scribbles": np.array([0.8, 0.2, 0.1, 0.1])}
    assert calibrate(wrong, 0.25) == 0.701
    assert calibrate(wrong, 0.1) == 0.901
    assert calibrate({"digits": np.ones(4)}, 0.1) == 1.0  # never


def test_the_rates_are_counted_by_kind():
    found = {
        "digits": (np.array([1, 2, 3, 4]), np.array([0.99, 0.99, 0.6, 0.95])),
        "strokes": (np.array([1, 1]), np.array([0.97, 0.4])),
    }
    metrics = measure(found, np.array([1, 2, 3, 5]), 0.01)
    assert metrics == {
        "accuracy": 0.75,
        "sure_from": 0.971,
        "rates": {
            "digits": {"images": 4, "sure": 0.5, "sure_and_wrong": 0.0},
            "strokes": {"images": 2, "sure": 0.0, "sure_and_wrong": 0.0},
        },
    }


def test_numpy_says_what_keras_says(finished):
    network = load(finished)
    assert network.sure_from == json.loads((finished / "reports/reader/metrics.json").read_text())["sure_from"]
    from network import predict as keras_network

    expected = keras_network.load(finished / reader.PATH).predict(reader.move(DIGITS), verbose=0)
    np.testing.assert_allclose(predict(network, DIGITS), reader.average(expected), rtol=0, atol=1e-5)


def test_the_card_and_the_page_state_the_same_rule(finished):
    metrics = json.loads((finished / "reports/reader/metrics.json").read_text())
    card = (finished / "reports/model_card.md").read_text()
    assert f"sure from {100 * metrics['sure_from']:.1f}\xa0% on" in card
    for kind, rate in metrics["rates"].items():
        assert f"| {kind} | {rate['images']} | {100 * rate['sure']:.2f}\xa0% |" in card
    assert f'"sure_from": {metrics["sure_from"]}' in (finished / "reports/index.html").read_text()


def test_the_reader_of_the_project_keeps_its_promise():
    path = PROJECT / reader.METRICS
    if not path.exists():
        pytest.skip(f"no {reader.METRICS}: run dvc repro")
    metrics = json.loads(path.read_text())
    assert metrics["rates"]["digits"]["sure"] > 0.8
    share = yaml.safe_load((PROJECT / "params.yaml").read_text())["reader"]["sure_and_wrong"]
    assert all(rate["sure_and_wrong"] <= share for rate in metrics["rates"].values())


def test_printed_characters_of_one_letter_or_digit_are_drawn_with_their_labels():
    names = ["7", "shirt", "a", "+"]
    images, labels = prints(60, names, np.random.default_rng(0))
    assert (images.shape, images.dtype, labels.dtype) == ((60, 28, 28), np.float32, np.uint8)
    assert set(labels.tolist()) == {0, 2}
    assert images.max() <= 1
    assert images.min() >= 0
    again, _ = prints(60, names, np.random.default_rng(0))
    assert (images == again).all()
    assert len(prints(60, ["shirt", "あ"], np.random.default_rng(0))[0]) == 0  # no font draws them


def test_a_hollow_character_is_the_outline_of_the_full_one():
    full, hollow = (draw_glyph("0", None, hollow) for hollow in (False, True))
    assert hollow.sum() != full.sum()
    assert hollow[14, 14] == full[14, 14] == 0
