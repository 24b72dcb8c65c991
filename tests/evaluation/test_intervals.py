import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation import intervals


@pytest.mark.parametrize(
    ("hits", "images", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_wilson(hits, images, low, high):
    assert intervals.wilson(hits, images, 0.95) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.9999))
def test_the_interval_is_scipys(counts, level):
    scipys = binomtest(*counts).proportion_ci(level, method="wilson")

    low, high = intervals.wilson(*counts, level)

    assert 0 <= low < high <= 1
    assert (low, high) == pytest.approx((scipys.low, scipys.high), rel=1e-12, abs=1e-15)
