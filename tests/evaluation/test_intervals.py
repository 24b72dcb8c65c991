import pytest
from scipy.stats import binomtest

from evaluation import intervals


@pytest.mark.parametrize("counts", [(0, 1), (1, 1), (0, 500), (3, 7), (9_849, 10_000), (10**6, 10**6)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.9999])
def test_the_interval_of_wilson_is_scipys(counts, level):
    scipys = binomtest(*counts).proportion_ci(level, method="wilson")
    low, high = intervals.wilson(*counts, level)
    assert 0 <= low < high <= 1
    assert (low, high) == pytest.approx((scipys.low, scipys.high), rel=1e-12, abs=1e-15)
