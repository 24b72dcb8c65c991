"""A picture on any paper, in any light and polarity, becomes an image like MNIST's."""

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from common.errors import PipelineError
from contracts import dataset
from fixtures import PROJECT
from pictures.ink import CENTRE, averaging, find_ink, fit, otsu, prepare

MNIST = PROJECT / "data/normalized"


def draw_seven(height: int = 120, width: int = 100) -> np.ndarray:
    """Ink (height, width) in {0, 1}: a 7 of straight strokes, 60 rows high and 40 columns wide."""
    ink = np.zeros((height, width))
    ink[30:38, 30:70] = 1
    for row in range(30, 90):
        column = 66 - (row - 30) // 2
        ink[row, column - 4 : column + 4] = 1
    return ink


def photograph(ink: np.ndarray) -> np.ndarray:
    """Dark ink on paper half in the shade, light that falls off downwards, and noise; (h, w) from 0 to 255."""
    rows, columns = np.indices(ink.shape)
    light = 230 - 0.5 * rows - 40 * (columns > 0.4 * ink.shape[1])
    return light * (1 - 0.6 * ink) + np.random.default_rng(0).normal(0, 3, ink.shape)


def on_dense_squares(ink: np.ndarray) -> np.ndarray:
    """Ink on squares so dense that they are half of the picture, all of it blurred; (h, w) from 0 to 255."""
    rows, columns = np.indices(ink.shape)
    squares = np.maximum(rows % 9 < 3, columns % 9 < 3)
    return 220 - 150 * gaussian_filter(np.maximum(0.6 * squares, ink), 1)


def centre_of_mass(image: np.ndarray) -> list[float]:
    return [(image * indices).sum() / image.sum() for indices in np.indices(image.shape)]


def test_the_result_has_the_form_of_mnist():
    image = prepare(255 * (1 - draw_seven()))
    assert (image.shape, image.dtype) == (dataset.SHAPE, np.float32)
    assert (image.min(), image.max()) == (0, 1)
    rows, columns = np.nonzero(image)
    assert [np.ptp(rows) + 1, np.ptp(columns) + 1] == [20, 13]  # 60 x 40 pixels, scaled by a third
    np.testing.assert_allclose(centre_of_mass(image), CENTRE, atol=0.5)


def test_polarity_brightness_contrast_and_place_do_not_matter():
    ink = draw_seven()
    expected = prepare(255 * ink)
    for low, high in product((0, 90), (150, 255)):
        np.testing.assert_array_equal(prepare(low + (high - low) * ink), expected)
        np.testing.assert_array_equal(prepare(high - (high - low) * ink), expected)
    np.testing.assert_array_equal(prepare(np.pad(255 * ink, ((0, 50), (90, 0)))), expected)


def test_uneven_light_and_noise_do_not_change_the_ink():
    np.testing.assert_array_equal(find_ink(photograph(draw_seven())) > 0.5, draw_seven() == 1)
    assert prepare(photograph(draw_seven())).sum() == pytest.approx(prepare(255 * draw_seven()).sum(), rel=0.05)


def test_dense_squares_are_separated_from_their_paper():
    found = find_ink(on_dense_squares(draw_seven()))
    assert found[draw_seven() == 1].mean() > 0.8
    assert (found == 0).mean() > 0.2


@pytest.mark.parametrize(
    "grey",
    [
        np.full((28, 28), 200.0),
        np.linspace(50, 250, 100)[None].repeat(80, axis=0),
        np.random.default_rng(0).normal(128, 12, (90, 100)),
        photograph(np.zeros((120, 100))),
        200 - 15 * draw_seven(),
    ],
    ids=["even", "slope", "noise", "empty photo", "too faint"],
)
def test_without_ink_there_is_no_image(grey):
    with pytest.raises(PipelineError, match="no ink found"):
        prepare(grey)


def test_a_line_is_scaled_to_20_pixels_and_at_least_one_wide():
    image = fit(np.ones((200, 2)))
    assert [axis.tolist() for axis in np.nonzero(image)] == [list(range(4, 24)), [14] * 20]


def test_resampling_averages_areas():
    np.testing.assert_allclose(averaging(2, 4) @ [1, 3, 5, 9], [2, 7])
    np.testing.assert_allclose(averaging(2, 3) @ [3, 6, 9], [(3 + 6 / 2) / 1.5, (6 / 2 + 9) / 1.5])
    np.testing.assert_allclose(averaging(4, 2) @ [3, 6], [3, 3, 6, 6])


def test_the_threshold_has_the_largest_variance_between_the_classes():
    levels = np.random.default_rng(0).permutation([10] * 30 + [12] * 20 + [200] * 5 + [90] * 3)
    variances = {}
    for threshold in range(10, 200):
        low, high = levels[levels <= threshold], levels[levels > threshold]
        variances[threshold] = len(low) * len(high) * (low.mean() - high.mean()) ** 2
    assert otsu(levels) == max(variances, key=variances.get)


def test_mnist_passes_almost_unchanged():
    if not (MNIST / "test/images.npy").exists():
        pytest.skip("no data/normalized/test: run dvc repro")
    images = dataset.load(MNIST / "test").images
    if len(images) != 10_000:
        pytest.skip(f"{len(images)} test images: not MNIST")
    images = images[:500]
    prepared = np.stack([prepare(np.float32(255) * image) for image in images])
    changes = np.abs(prepared - images).max(axis=(1, 2))
    assert np.median(changes) < 0.05  # the levels of the blackest ink
    assert (changes < 0.3).mean() > 0.9  # the rest have faint pixels at their edge and are scaled a little
