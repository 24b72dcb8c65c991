import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation import intervals


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.9999))
def test_the_interval_of_wilson_is_scipys(counts, level):
    scipys = binomtest(*counts).proportion_ci(level, method="wilson")
    low, high = intervals.wilson(*counts, level)
    assert 0 <= low < high <= 1
    assert (low, high) == pytest.approx((scipys.low, scipys.high), rel=1e-12, abs=1e-15)
