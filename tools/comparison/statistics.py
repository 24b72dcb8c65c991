"""Intervals for a difference between two networks or two settings, and tests of several differences.

Scores (1 for a right answer and 0 for a wrong one, or losses) are (r, n) arrays, a row for each seed and a column for
each image; all networks were scored on the same images. With several seeds, seeds and images are crossed random
effects. docs/statistics.md has the formulas and their sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, studentized_range, t

from evaluation import intervals


@dataclass
class Interval:
    """An interval for a difference, and the two-sided p-value of no difference."""

    low: float
    high: float
    p: float


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


class Parts(NamedTuple):
    """The contributions of settings to the variance of the mean difference, for a mean over r seeds and n images."""

    seeds: float  # variance of the seeds' means on these images
    cells: float  # its part from the seed-by-image interaction, which the images' variance contains as well
    freedom: float  # degrees of freedom of `seeds`


def split_variance(scores: np.ndarray) -> Parts:
    """Return the parts of one setting; scores: (r, n) with r and n of at least 2.

    If all seeds happen to have the same mean, `seeds` is set to `cells`: two equal counts of errors prove nothing.
    """
    r, n = scores.shape
    means = scores.mean(axis=1)
    rest = scores - means[:, None] - scores.mean(axis=0) + scores.mean()
    cells = float((rest**2).sum() / ((r - 1) * (n - 1)) / (r * n))
    return Parts(float(means.var(ddof=1)) / r or cells, cells, r - 1)


def parts_of_both(old: np.ndarray, new: np.ndarray) -> Parts | None:
    """Add the parts of two settings; a single seed gets the other's spread. None if both have a single seed."""
    parts = [split_variance(scores) for scores in (old, new) if len(scores) > 1]
    if len(parts) == 1:
        ((seeds, cells, freedom),) = parts
        scale = 1 + max(len(old), len(new))  # variance / r + variance / 1, with parts that hold variance / r
        return Parts(seeds * scale, cells * scale, freedom)
    if not parts:
        return None
    seeds = sum(part.seeds for part in parts)
    freedom = satterthwaite(seeds, *((part.seeds, part.freedom) for part in parts))
    return Parts(seeds, sum(part.cells for part in parts), freedom)


def satterthwaite(variance: float, *parts: tuple[float, float]) -> float:
    """Return the degrees of freedom of a variance with parts of known (variance, degrees of freedom)."""
    squares = sum(part**2 / freedom for part, freedom in parts)
    return variance**2 / squares if squares else 1


def images_variance(old: np.ndarray, new: np.ndarray) -> float:
    """Return the variance of the mean difference over samples of images, for fixed networks."""
    differences = new.mean(axis=0) - old.mean(axis=0)
    return float(differences.var(ddof=1)) / len(differences)


def these_networks(old: np.ndarray, new: np.ndarray, level: float) -> Interval:
    """Return the paired t interval (Student 1908) for these networks on other images."""
    return interval(old, new, images_variance(old, new), old.shape[1] - 1, level)


def same_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """Return the interval over seeds, on these images; None without a spread between seeds."""
    parts = parts_of_both(old, new)
    return interval(old, new, parts.seeds, parts.freedom, level) if parts else None


def other_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """Return the interval over seeds and images; None without a spread between seeds.

    Never narrower than over seeds alone: with two or three seeds, the degrees of freedom are too many.
    """
    parts, seeds = parts_of_both(old, new), same_images(old, new, level)
    if parts is None or seeds is None:
        return None
    images = images_variance(old, new)
    variance = max(images + parts.seeds - parts.cells, parts.seeds)
    freedom = satterthwaite(variance, (parts.seeds, parts.freedom), (images, old.shape[1] - 1))
    both = interval(old, new, variance, freedom, level)
    return Interval(min(both.low, seeds.low), max(both.high, seeds.high), max(both.p, seeds.p))


def interval(old: np.ndarray, new: np.ndarray, variance: float, freedom: float, level: float) -> Interval:
    """Return Student's t interval for the mean difference, which has the given variance."""
    difference, error = float(new.mean() - old.mean()), sqrt(variance)
    if not error:
        return Interval(difference, difference, float(difference == 0))
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    return Interval(difference - reach, difference + reach, float(2 * t.sf(abs(difference) / error, freedom)))


def holm(p_values: Sequence[float], tries: int) -> list[float]:
    """Return p-values, adjusted by Holm (1979), Scand. J. Stat. 6, 65; tries: at least their number."""
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
