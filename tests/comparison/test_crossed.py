"""The intervals over seeds and images, against a two-way analysis of variance, known cases and simulation."""

import re
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from simulation import coverage

from comparison.statistics import (
    images_variance,
    other_images,
    parts_of_both,
    same_images,
    split_variance,
    these_networks,
)
from fixtures import PROJECT

random = np.random.default_rng(0)
OLD, NEW = random.random((4, 50)), random.random((6, 50))


def test_the_parts_are_those_of_the_two_way_analysis_of_variance():
    r, n = OLD.shape
    seeds, images, mean = OLD.mean(axis=1), OLD.mean(axis=0), OLD.mean()
    of_seeds = n * ((seeds - mean) ** 2).sum() / (r - 1)  # mean squares, as a table of ANOVA has them
    of_images = r * ((images - mean) ** 2).sum() / (n - 1)
    everything = ((OLD - mean) ** 2).sum()
    of_cells = (everything - of_seeds * (r - 1) - of_images * (n - 1)) / ((r - 1) * (n - 1))
    parts = split_variance(OLD)
    assert (parts.seeds, parts.cells) == pytest.approx((of_seeds / (r * n), of_cells / (r * n)))
    assert parts.freedom == r - 1


def test_on_these_images_it_is_the_t_test_of_welch_on_the_accuracies_of_the_seeds():
    welch = stats.ttest_ind(NEW.mean(axis=1), OLD.mean(axis=1), equal_var=False)
    low, high = welch.confidence_interval(0.95)
    found = same_images(OLD, NEW, 0.95)
    assert (found.low, found.high, found.p) == pytest.approx((low, high, welch.pvalue))


def test_of_two_networks_it_is_the_paired_t_test_over_the_images():
    paired = stats.ttest_rel(NEW[0], OLD[0])
    found = these_networks(OLD[:1], NEW[:1], 0.95)
    low, high = paired.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((low, high, paired.pvalue))
    assert same_images(OLD[:1], NEW[:1], 0.95) is other_images(OLD[:1], NEW[:1], 0.95) is None


def test_the_variance_adds_images_and_seeds_and_counts_their_common_part_once():
    old, new = OLD[:2].repeat(5, axis=0) + random.random((10, 50)), NEW[:1] + random.random((10, 50))
    parts = parts_of_both(old, new)
    variance = images_variance(old, new) + parts.seeds - parts.cells
    found = other_images(old, new, 0.95)
    freedom = variance**2 / (parts.seeds**2 / parts.freedom + images_variance(old, new) ** 2 / 49)
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, freedom) * sqrt(variance))


def test_a_single_run_is_taken_to_come_from_the_spread_of_the_other_settings():
    both, parts = parts_of_both(OLD, NEW[:1]), split_variance(OLD)
    assert both.seeds == pytest.approx(OLD.mean(axis=1).var(ddof=1) * (1 / 4 + 1))
    assert (both.cells, both.freedom) == pytest.approx((parts.cells * 5, 3))
    assert parts_of_both(NEW[:1], OLD) == both


def test_seeds_that_happen_to_have_as_many_errors_prove_nothing():
    old, new = np.ones((2, 100)), np.ones((2, 100))
    old[0, 0] = old[1, 1] = 0
    new[0, :2] = new[1, 2:4] = 0
    assert same_images(old, new, 0.95).p > 0.05
    assert other_images(old, new, 0.95).p > 0.05


@pytest.mark.parametrize("seeds", [(10, 10), (10, 1)])
def test_the_page_on_statistics_shows_the_coverage_and_power_of_the_simulation(seeds):
    """A fifth of the repeats again, with other random numbers: within three standard errors of both."""
    lines = (PROJECT / "docs/statistics.md").read_text().splitlines()
    rows = [re.findall(r"[^|%]+", line) for line in lines if line.startswith(f"| {seeds[0]}, {seeds[1]} | +0.21 |")]
    found = coverage(*seeds, images=12_000, gain=0.5, repeats=80, seed=11)
    assert [row[2].strip() for row in rows] == list(found)
    for row, outcome in zip(rows, found.values(), strict=True):
        for percent, again in zip((row[3], row[5]), outcome[:2], strict=True):
            share = float(percent) / 100
            error = 3 * np.sqrt(max(share * (1 - share), 0.01) * (1 / 80 + 1 / 400))
            assert abs(again - share) < error
