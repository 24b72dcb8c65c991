"""The statistics of two networks against published examples, SciPy and by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparison.statistics import Table, count, difference_interval, holm, mcnemar

# Paired tables that textbooks use; there the order is both, first only, second only, neither.
CAVO = Table(59, 6, 16, 80)  # complete response after consolidation therapy, Cavo et al. (2012)
BENTUR = Table(1, 1, 7, 12)  # airway hyper-responsiveness after transplantation, Bentur et al. (2009)
NEWCOMBE = Table(36, 12, 2, 0)
ALTMAN = Table(14, 5, 0, 22)


def test_images_are_counted_by_which_network_was_right():
    old = np.array([True, True, False, False, False, True])
    new = np.array([True, False, True, True, False, True])
    assert count(old, new) == Table(both=2, gained=2, lost=1, neither=1)
    assert count(old, new).difference == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        (CAVO, -0.1186, -0.0046),  # R package contingencytables 3.1.0, tests of chapter 8
        (BENTUR, -0.507, -0.026),  # Fagerland, Lydersen and Laake (2014), Stat. Med. 33, 2850
        (NEWCOMBE, 0.0569, 0.3404),  # Newcombe (1998), Stat. Med. 17, 2635, method 10
        (ALTMAN, 0.011, 0.226),  # Altman et al. (2000), Statistics with Confidence, table 6.2
    ],
)
def test_the_interval_of_the_difference_is_that_of_newcombe(table, low, high):
    digits = len(str(low).split(".")[1])
    assert difference_interval(table, 0.95) == pytest.approx((low, high), abs=0.51 * 10**-digits)


@pytest.mark.parametrize(("table", "p"), [(BENTUR, 0.0703), (NEWCOMBE, 0.0129), (ALTMAN, 0.0625)])
def test_the_p_value_of_mcnemar_is_twice_the_binomial_tail(table, p):
    flips, fewer = table.gained + table.lost, min(table.gained, table.lost)
    by_hand = 2 * sum(comb(flips, k) for k in range(fewer + 1)) / 2**flips
    assert mcnemar(table) == pytest.approx(by_hand) == pytest.approx(p, abs=5e-5)


def test_without_flips_or_with_as_many_either_way_nothing_is_significant():
    assert mcnemar(Table(5, 0, 0, 5)) == mcnemar(Table(5, 7, 7, 5)) == 1


@settings(deadline=None)
@given(st.builds(Table, *[st.integers(0, 3000)] * 4).filter(lambda table: sum(table) > 0))
def test_the_interval_of_the_difference_holds_it_and_is_a_difference_of_proportions(table):
    low, high = difference_interval(table, 0.95)
    assert -1 <= low <= table.difference <= high <= 1


def test_the_correction_of_holm_by_hand():
    assert holm([0.01, 0.04, 0.03], 3) == pytest.approx([0.03, 0.06, 0.06])  # 3 x 0.01, 2 x 0.03, at least as much
    assert holm([0.6, 0.9], 2) == [1, 1]
    assert holm([0.01, 0.02], 4) == pytest.approx([0.04, 0.06])  # two more were tried, of which another claim was made
    assert holm([], 2) == []
