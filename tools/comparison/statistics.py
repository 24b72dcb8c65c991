"""Statistics of two networks scored on the same images, and of several comparisons; see docs/statistics.md."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.stats import binomtest, studentized_range

from comparison.crossed import Interval
from evaluation import intervals


def two_networks(old: np.ndarray, new: np.ndarray, level: float) -> Interval:
    """Return the interval for the accuracy of these networks on other images; old, new: (n,) bool, right answers.

    Newcombe (1998), Stat. Med. 17, 2635, method 10, combines two Wilson intervals with the correlation of the answers,
    so it stays in [-1, 1], even near 100 %. Fagerland, Lydersen and Laake (2014), Stat. Med. 33, 2850, recommend it.
    The p-value is that of McNemar's exact test (1947), Psychometrika 12, 153.
    """
    n, was_right, right = len(old), int(old.sum()), int(new.sum())
    gained, lost, both = int((new & ~old).sum()), int((old & ~new).sum()), int((old & new).sum())
    old_low, old_high = intervals.wilson(was_right, n, level)
    new_low, new_high = intervals.wilson(right, n, level)
    margins = right * (n - right) * was_right * (n - was_right)
    covariance: float = both * (n - both - gained - lost) - gained * lost
    if covariance > 0:
        covariance = max(covariance - n / 2, 0)  # the continuity correction of method 10
    phi = covariance / sqrt(margins) if margins else 0

    def reach(down: float, up: float) -> float:
        return sqrt(max(down**2 - 2 * phi * down * up + up**2, 0))

    low = (right - was_right) / n - reach(right / n - new_low, old_high - was_right / n)
    high = (right - was_right) / n + reach(was_right / n - old_low, new_high - right / n)
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return Interval(max(low, -1), min(high, 1), p)


def holm(p_values: Sequence[float], tries: int) -> list[float]:
    """Return the p-values adjusted by Holm (1979), Scand. J. Stat. 6, 65, in their order; tries: at least their number.

    Without any difference, the chance that one of them is below 0.05 is at most 5 %, whatever the dependence between
    the comparisons.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.array(p_values)
    adjusted[order] = np.maximum.accumulate(np.minimum((tries - np.arange(len(order))) * adjusted[order], 1))
    return adjusted.tolist()


def tukey(values: np.ndarray, first: int, second: int) -> float:
    """Return the p-value of the difference between two settings trained with the same seeds, corrected for all pairs.

    values: (settings, seeds), at least 2 of each. Tukey (1953), The problem of multiple comparisons, with the seeds as
    blocks (Montgomery 2017, Design and analysis of experiments, section 4.1): all pairs count, because the best setting
    is chosen among them all. The error is the setting-by-seed interaction, with (settings - 1)(seeds - 1) degrees of
    freedom. Without any error a difference has p = 0, and no difference p = 1.
    """
    settings, seeds = values.shape
    difference = abs(values[first].mean() - values[second].mean())
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    freedom = (settings - 1) * (seeds - 1)
    error = np.sqrt((rest**2).sum() / freedom / seeds)
    if error < 1e-12:  # rounding
        return float(difference < 1e-12)
    return float(studentized_range.sf(difference / error, settings, freedom))
