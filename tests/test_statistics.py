"""The statistics of compare.py against published examples, SciPy, simulation, and by hand."""

from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics import (
    Spread,
    Table,
    count,
    difference_interval,
    mcnemar,
    pool,
    settings_interval,
    share_of_pairs,
)

# Paired tables that textbooks use; there the order is both, first only, second only, neither.
CAVO = Table(59, 6, 16, 80)  # complete response after consolidation therapy, Cavo et al. (2012)
BENTUR = Table(1, 1, 7, 12)  # airway hyper-responsiveness after transplantation, Bentur et al. (2009)
NEWCOMBE = Table(36, 12, 2, 0)
ALTMAN = Table(14, 5, 0, 22)

tables = st.builds(Table, *[st.integers(0, 3000)] * 4).filter(lambda table: sum(table) > 0)
spreads = st.builds(Spread, st.floats(0, 0.1), st.integers(1, 30))


def swapped(table: Table) -> Table:
    return table._replace(gained=table.lost, lost=table.gained)


def test_images_are_counted_by_who_was_right():
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


def test_for_many_images_the_interval_is_nearly_that_of_wald():
    table = Table(9730, 111, 40, 119)
    deviation = sqrt(111 + 40 - (111 - 40) ** 2 / 10_000) / 10_000
    expected = stats.norm.interval(0.95, table.difference, deviation)
    assert difference_interval(table, 0.95) == pytest.approx(expected, abs=1e-4)


def test_the_interval_of_the_difference_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(0)
    shares = [0.960, 0.018, 0.010, 0.012]
    drawn = [Table(*row) for row in random.multinomial(1000, shares, size=400).tolist()]
    covered = [low <= shares[1] - shares[2] <= high for low, high in (difference_interval(x, 0.95) for x in drawn)]
    assert 0.93 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(("table", "p"), [(BENTUR, 0.0703), (CAVO, 0.0525), (NEWCOMBE, 0.0129), (ALTMAN, 0.0625)])
def test_the_test_of_mcnemar_is_twice_the_binomial_tail(table, p):
    flips, fewer = table.gained + table.lost, min(table.gained, table.lost)
    by_hand = 2 * sum(comb(flips, k) for k in range(fewer + 1)) / 2**flips
    assert mcnemar(table) == pytest.approx(by_hand) == pytest.approx(p, abs=5e-5)


def test_without_flips_or_with_as_many_either_way_nothing_is_significant():
    assert mcnemar(Table(5, 0, 0, 5)) == 1
    assert mcnemar(Table(5, 7, 7, 5)) == 1


def test_the_spread_is_pooled_within_settings():
    one, other = np.array([0.98, 0.99]), np.array([0.5, 0.51, 0.52])
    assert pool([one]) == pytest.approx((one.std(ddof=1), 1))
    assert pool([one, other]) == pytest.approx((sqrt((0.5e-4 + 2e-4) / 3), 3))
    assert pool([]) is None
    assert pool([np.array([0.98])]) is None


def test_the_share_of_pairs_is_what_a_simulation_counts():
    random = np.random.default_rng(0)
    first, second = random.normal(0.98, 0.001, (2, 100_000))
    share = np.mean(abs(first - second) >= 0.002)
    assert share_of_pairs(0.002, Spread(0.001, 10_000)) == pytest.approx(share, abs=0.005)
    assert share_of_pairs(-0.002, Spread(0.001, 10_000)) == share_of_pairs(0.002, Spread(0.001, 10_000))


def test_the_share_of_pairs_by_hand():
    # Student's t with one degree of freedom is Cauchy's: beyond 1 lies half of it
    assert share_of_pairs(sqrt(2) * 0.001, Spread(0.001, 1)) == pytest.approx(0.5)
    assert share_of_pairs(0, Spread(0, 9)) == 1
    assert share_of_pairs(0.001, Spread(0, 9)) == 0


def test_the_interval_of_the_settings_adds_the_two_variances():
    table, spread = Table(9730, 111, 40, 119), Spread(0.0007, 9)
    images = (151 / 10_000 - table.difference**2) / 10_000
    seeds = 2 * 0.0007**2
    freedom = (images + seeds) ** 2 / (seeds**2 / 9)  # Satterthwaite; that of the images is without end
    expected = stats.t.interval(0.95, freedom, table.difference, sqrt(images + seeds))
    assert settings_interval(table, spread, 0.95) == pytest.approx(expected)
    without_seeds = stats.norm.interval(0.95, table.difference, sqrt(images))
    assert settings_interval(table, Spread(0, 9), 0.95) == pytest.approx(without_seeds)
    only_seeds = stats.t.interval(0.95, 9, 0, sqrt(seeds))
    assert settings_interval(Table(50, 0, 0, 50), spread, 0.95) == pytest.approx(only_seeds)


@pytest.mark.parametrize("by_image", [0.0, 1.5])
def test_equal_settings_pass_for_different_at_most_once_in_20_but_often_by_the_test_of_mcnemar_alone(by_image):
    """Two settings of the same mean accuracy, the second hard on other images if `by_image`; and seeds that matter."""
    random = np.random.default_rng(0)
    repeats, images, seeds = 400, 1000, 10
    mistaken = mistaken_by_mcnemar = 0
    for _ in range(repeats):
        easiness = random.normal(4, 2, images)
        other = easiness + by_image * random.choice([-1, 1], images) * random.normal(1, 0.1, images)
        same = easiness + by_image * random.choice([-1, 1], images) * random.normal(1, 0.1, images)

        def right(easiness, runs):
            logits = easiness + random.normal(0, 0.3, (runs, 1))
            return random.random((runs, images)) < 1 / (1 + np.exp(-logits))  # noqa: B023

        spread = pool([right(other, seeds).mean(axis=1)])
        table = count(right(same, 1)[0], right(other, 1)[0])
        low, high = settings_interval(table, spread, 0.95)
        mistaken += low > 0 or high < 0
        mistaken_by_mcnemar += mcnemar(table) < 0.05
    assert mistaken / repeats <= 0.05
    assert mistaken_by_mcnemar / repeats > 0.2


@settings(deadline=None)
@given(tables)
def test_the_interval_of_the_difference_holds_it_and_is_a_difference_of_proportions(table):
    low, high = difference_interval(table, 0.95)
    assert -1 <= low <= table.difference <= high <= 1


@settings(deadline=None)
@given(tables, spreads)
def test_the_interval_of_the_settings_holds_the_difference_and_is_the_wider_the_more_the_seeds_spread(table, spread):
    low, high = settings_interval(table, spread, 0.95)
    assert -1 <= low <= table.difference <= high <= 1
    wider = settings_interval(table, spread._replace(sd=spread.sd + 0.01), 0.95)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12


@settings(deadline=None)
@given(tables, spreads)
def test_swapping_the_networks_flips_the_sign_and_nothing_else(table, spread):
    back = swapped(table)
    assert back.difference == -table.difference
    assert mcnemar(back) == pytest.approx(mcnemar(table))
    assert share_of_pairs(back.difference, spread) == share_of_pairs(table.difference, spread)
    low, high = difference_interval(table, 0.95)
    assert difference_interval(back, 0.95) == pytest.approx((-high, -low))
    low, high = settings_interval(table, spread, 0.95)
    assert settings_interval(back, spread, 0.95) == pytest.approx((-high, -low))


@settings(deadline=None)
@given(tables.filter(lambda table: table.gained != table.lost), spreads)
def test_a_difference_that_seeds_alone_often_make_is_never_evidence_about_the_settings(table, spread):
    low, high = settings_interval(table, spread, 0.95)
    if share_of_pairs(table.difference, spread) > 0.05:
        assert low <= 0 <= high
