import pytest

from common import wilson


@pytest.mark.parametrize(
    ("hits", "images", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_wilson(hits, images, low, high):
    assert wilson.interval(hits, images, 0.95) == pytest.approx((low, high), abs=5e-5)
