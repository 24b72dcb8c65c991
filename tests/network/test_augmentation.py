import hashlib
import sys

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from fixtures import PROJECT, succeed, tiny_mnist
from network import augmentation
from network.augmentation import STRENGTHS, Strength, control_points, deform, positions, strength_at
from network.pens import change_pen
from network.sampling import sample

IMAGES = (tiny_mnist()["t10k-images-idx3-ubyte"] / 255).astype(np.float32)
ROWS, COLUMNS = np.mgrid[:28, :28]
DIGEST = """
import sys, hashlib
sys.path.insert(0, {stages!r})
import numpy as np
from network import augmentation
images = np.random.default_rng(0).random((200, 28, 28), np.float32)
deformed = augmentation.deform(images, augmentation.STRENGTHS["written"], np.random.default_rng(0))
print(hashlib.sha256(deformed.tobytes()).hexdigest())
"""


def seeded(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def moved(**strength: float) -> np.ndarray:
    """Where the pixels of 500 images come from, relative to where they are: (500, 2, 28, 28)."""
    return positions(control_points(500, Strength(**strength), seeded())) - np.stack([ROWS, COLUMNS])


def test_no_strength_leaves_every_bit_as_it_was():
    points = control_points(len(IMAGES), Strength(), seeded())
    np.testing.assert_array_equal(positions(points), np.broadcast_to([ROWS, COLUMNS], (len(IMAGES), 2, 28, 28)))
    np.testing.assert_array_equal(sample(IMAGES, positions(points)), IMAGES)
    assert deform(IMAGES, STRENGTHS["none"], seeded()) is IMAGES


@pytest.mark.parametrize("kind", ["shift", "elastic", "written"])
def test_deformed_images_keep_shape_dtype_and_range_and_are_decided_by_the_seed(kind):
    deformed, same, other = (deform(IMAGES, STRENGTHS[kind], seeded(number)) for number in (1, 1, 2))
    assert (deformed.shape, deformed.dtype) == (IMAGES.shape, np.float32)
    assert 0 <= deformed.min() < deformed.max() <= 1
    np.testing.assert_array_equal(deformed, same)
    assert (deformed != other).any(axis=(1, 2)).all()
    assert deform(IMAGES[:0], STRENGTHS[kind], seeded()).shape == (0, 28, 28)


def test_the_strength_changes_evenly_from_the_first_share_to_the_last():
    assert strength_at(0, "elastic", [1, 0.5]) == strength_at(1, "elastic", [2, 1]) == STRENGTHS["elastic"]
    for progress, share in [(0, 1.5), (0.5, 1), (1, 0.5)]:
        expected = [share * value for value in STRENGTHS["elastic"]]
        assert strength_at(progress, "elastic", [1.5, 0.5]) == pytest.approx(expected)


@pytest.mark.parametrize("chunk", [1, 7])
def test_the_size_of_a_chunk_changes_no_bit(chunk, monkeypatch):
    expected = deform(IMAGES, STRENGTHS["elastic"], seeded())
    monkeypatch.setattr(augmentation, "CHUNK", chunk)
    np.testing.assert_array_equal(deform(IMAGES, STRENGTHS["elastic"], seeded()), expected)


def test_the_weights_are_those_of_the_cubic_b_spline():
    splines = [BSpline.basis_element(np.arange(centre - 14, centre + 15, 7), False) for centre in augmentation.KNOTS]
    expected = np.stack([np.nan_to_num(spline(np.arange(28))) for spline in splines], axis=1)
    assert expected.shape == (28, 7)
    np.testing.assert_allclose(augmentation.WEIGHTS / augmentation.TOTAL, expected, atol=1e-12)


def test_sampling_agrees_with_scipy_inside_and_beyond_the_edges():
    where = seeded().uniform(-4, 32, (len(IMAGES), 2, 28, 28)).astype(np.float32)
    expected = [
        map_coordinates(image, at, order=1, mode="grid-constant") for image, at in zip(IMAGES, where, strict=True)
    ]
    np.testing.assert_allclose(sample(IMAGES, where), expected, atol=2e-6)


def test_a_shift_moves_all_pixels_alike_and_at_most_so_far():
    down, right = moved(shift=2).swapaxes(0, 1)
    for way in (down, right):
        assert np.ptp(way, axis=(1, 2)).max() < 1e-5
        assert 1.9 < np.abs(way).max() <= 2.001
    assert abs(np.corrcoef(down[:, 0, 0], right[:, 0, 0])[0, 1]) < 0.2


def test_a_rotation_keeps_lengths_and_turns_by_twice_the_angle_of_its_tangent():
    down, right = (moved(rotation=0.1) + np.stack([ROWS, COLUMNS])).swapaxes(0, 1)
    side = down[:, 27, 0] - down[:, 0, 0], right[:, 27, 0] - right[:, 0, 0]
    np.testing.assert_allclose(np.hypot(*side), 27, atol=0.01)
    angles = np.arctan2(side[1], side[0])
    assert angles.min() == pytest.approx(-2 * np.arctan(0.1), abs=0.01)
    assert angles.max() == pytest.approx(2 * np.arctan(0.1), abs=0.01)
    np.testing.assert_allclose(down[:, 13:15, 13:15].mean(axis=(1, 2)), 13.5, atol=0.001)


def test_the_bytes_do_not_depend_on_the_cpu(tmp_path):
    code, old = DIGEST.format(stages=str(PROJECT / "stages")), "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"
    digests = {
        succeed(tmp_path, sys.executable, "-W", "ignore", "-c", code, **variables)
        for variables in ({}, {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": old})
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == len(hashlib.sha256().hexdigest())


def test_another_pen_is_thicker_thinner_softer_or_harder_and_adds_nothing_far_away():
    images = np.zeros((600, 28, 28), np.float32)
    images[:, 8:20, 12:16] = 0.7
    changed = change_pen(images, 0.5, np.random.default_rng(0))
    assert (changed.dtype, changed.shape) == (np.float32, images.shape)
    assert 0 <= changed.min() < changed.max() <= 1
    same = (changed == images).all(axis=(1, 2))
    assert 0.4 < same.mean() < 0.6
    widths = {int((image[14] > 0.3).sum()) for image in changed}
    assert widths == {3, 4, 5, 6}
    assert not changed[:, :8].any()
    assert not changed[:, :, :12].any()
