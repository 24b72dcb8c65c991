import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from evaluation import robustness

STROKE = np.zeros((4, 28, 28), np.uint8)
STROKE[:, 10:18, 14] = 200  # eight pixels high, one wide


@pytest.mark.parametrize("degrees", [-30, 15, 45])
def test_a_rotation_is_that_of_scipy(degrees):
    grey = np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    expected = ndimage.rotate(grey.astype(float), degrees, axes=(2, 1), reshape=False, order=1)
    difference = robustness.rotate(grey, degrees) - expected
    assert np.abs(difference).mean() < 1  # of 255; the rounded sine and cosine move pixels by a thousandth


def test_a_quarter_of_a_turn_goes_counter_clockwise():
    np.testing.assert_array_equal(robustness.rotate(STROKE[:1], 90)[0], np.rot90(STROKE[0]))


def test_images_are_shifted_right_down_left_and_up_in_turn():
    moved = robustness.shift(STROKE, 3)
    middles = [tuple(np.argwhere(image).mean(axis=0)) for image in moved]
    assert middles == [(13.5, 17), (16.5, 14), (13.5, 11), (10.5, 14)]


@pytest.mark.parametrize(("pixels", "width"), [(2, 3), (1, 2), (-1, 0)])
def test_strokes_become_wider_or_thinner_by_whole_pixels(pixels, width):
    assert np.count_nonzero(robustness.widen(STROKE, pixels)[0, 14]) == width


def test_noise_stays_within_its_levels_and_is_the_same_every_time():
    grey = np.full((3, 28, 28), 100, np.uint8)
    noisy = robustness.add_noise(grey, 32)
    assert (noisy.min(), noisy.max()) == (68, 132)
    np.testing.assert_array_equal(noisy, robustness.add_noise(grey, 32))


def test_shapes_are_filled_and_lie_wholly_within_the_frame():
    for shape in robustness.shapes(50):
        assert set(np.unique(shape)) == {0, 255}
        rows, columns = np.nonzero(shape)
        assert 11 <= np.ptp(rows) + 1 <= 19
        assert 11 <= np.ptp(columns) + 1 <= 19
        assert (np.diff(columns[rows == rows[0]]) == 1).all()


def test_the_table_has_a_row_for_each_change_and_no_accuracy_without_a_digit(finished):
    table = pd.read_csv(finished / "reports/evaluate/robustness.csv")
    keys = [*zip(table["change"], table["amount"], strict=True)]
    assert set(robustness.examples(STROKE[0])) == set(keys)
    assert len(keys) == len(set(keys))
    assert table["confidence"].between(0.1, 1).all()
    metrics, accuracy = pd.read_json(finished / "reports/evaluate/metrics.json", typ="series"), table["accuracy"]
    assert accuracy[table["change"] == "unchanged"].tolist() == [pytest.approx(metrics["accuracy"])]
    assert table["change"][accuracy.isna()].tolist() == ["blank", "random pixels", "shapes"]
