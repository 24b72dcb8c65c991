"""The statistics of two networks against published examples and by hand."""

from math import comb

import numpy as np
import pytest

from comparison.statistics import Interval, holm, two_networks


def judge(both: int, gained: int, lost: int, neither: int) -> Interval:
    """The interval of two networks by the number of images that both, only the new, only the old one got right."""
    counts = [both, gained, lost, neither]
    return two_networks(
        np.repeat([True, False, True, False], counts), np.repeat([True, True, False, False], counts), 0.95
    )


@pytest.mark.parametrize(
    ("counts", "low", "high", "p"),
    [  # as textbooks use them
        ((59, 6, 16, 80), -0.1186, -0.0046, 0.0525),  # R package contingencytables 3.1.0, tests of chapter 8
        ((1, 1, 7, 12), -0.507, -0.026, 0.0703),  # Fagerland, Lydersen and Laake (2014), Stat. Med. 33, 2850
        ((36, 12, 2, 0), 0.0569, 0.3404, 0.0129),  # Newcombe (1998), Stat. Med. 17, 2635, method 10
        ((14, 5, 0, 22), 0.011, 0.226, 0.0625),  # Altman et al. (2000), Statistics with Confidence, table 6.2
    ],
)
def test_two_networks_are_judged_by_newcombe_and_mcnemar(counts, low, high, p):
    found, digits = judge(*counts), len(str(low).split(".")[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.51 * 10**-digits)
    _, gained, lost, _ = counts
    by_hand = 2 * sum(comb(gained + lost, k) for k in range(min(gained, lost) + 1)) / 2 ** (gained + lost)
    assert found.p == pytest.approx(by_hand) == pytest.approx(p, abs=5e-5)


def test_without_flips_or_with_as_many_either_way_nothing_is_significant():
    assert judge(5, 0, 0, 5).p == judge(5, 7, 7, 5).p == 1


def test_the_correction_of_holm_by_hand():
    assert holm([0.01, 0.04, 0.03], 3) == pytest.approx([0.03, 0.06, 0.06])  # 3 x 0.01, 2 x 0.03, at least as much
    assert holm([0.6, 0.9], 2) == [1, 1]
    assert holm([0.01, 0.02], 4) == pytest.approx([0.04, 0.06])  # two more were tried, of which another claim was made
    assert holm([], 2) == []
