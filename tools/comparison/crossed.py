"""Intervals for a mean difference between two settings, with seeds and images as crossed random effects.

Each setting was trained with several seeds, and every network was scored on the same images. A score (right or wrong,
or loss) therefore has a row for each seed and a column for each image: a two-way layout with one value in each cell,
known from readers and cases in medical imaging. Notation: r seeds, n images.
- Cornfield and Tukey (1956), Ann. Math. Stat. 27, 907: the mean squares and their expectations;
- Gallas, Pennello and Myers (2007), J. Opt. Soc. Am. A 24, B70: the same for right and wrong answers;
- Owen (2007), Ann. Appl. Stat. 1, 386: why neither seeds nor images alone show the whole variance.
The seeds of two settings are treated as independent, even if they have the same numbers.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Interval:
    """An interval for a difference, and the two-sided p-value of no difference."""

    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Parts:
    """The contributions of one setting to the variance of the mean difference, for a mean over r seeds and n images."""

    seeds: float  # variance of the seeds' means on these images
    cells: float  # its part from the seed-by-image interaction, which the images' variance contains as well
    freedom: float  # of `seeds`


def split_variance(scores: np.ndarray) -> Parts:
    """Return the parts of one setting; scores: (r, n) with r >= 2.

    With mean squares MS: seeds = MS(seeds) / (r n), cells = MS(seeds x images) / (r n). If all seeds happen to have the
    same mean, `seeds` is set to `cells`: two equal counts of errors prove nothing.
    """
    r, n = scores.shape
    of_seeds = scores.mean(axis=1)
    rest = scores - of_seeds[:, None] - scores.mean(axis=0) + scores.mean()
    cells = (rest**2).sum() / ((r - 1) * max(n - 1, 1)) / (r * n)
    return Parts(float(of_seeds.var(ddof=1)) / r or float(cells), float(cells), r - 1)


def parts_of_both(old: np.ndarray, new: np.ndarray) -> Parts | None:
    """Add the parts of two settings; None if both have a single seed, which shows no spread.

    A single seed is assumed to have the spread of the other setting. The degrees of freedom of two variances are those
    of Welch (1947), Biometrika 34, 28.
    """
    several = [split_variance(scores) for scores in (old, new) if len(scores) > 1]
    if not several:
        return None
    if len(several) == 1:
        (parts,) = several
        scale = 1 + max(len(old), len(new))  # variance / r + variance / 1, with parts that hold variance / r
        return Parts(parts.seeds * scale, parts.cells * scale, parts.freedom)
    seeds = sum(parts.seeds for parts in several)
    squares = sum(parts.seeds**2 / parts.freedom for parts in several)
    return Parts(
        seeds,
        sum(parts.cells for parts in several),
        seeds**2 / squares if squares else sum(parts.freedom for parts in several),
    )


def images_variance(old: np.ndarray, new: np.ndarray) -> float:
    """Return the variance of the mean difference over samples of images, with fixed networks: s^2 / n.

    s is the standard deviation of the images' differences, each averaged over the seeds.
    """
    differences = new.mean(axis=0) - old.mean(axis=0)
    return float(differences.var(ddof=1)) / len(differences) if len(differences) > 1 else 0.0


def these_networks(old: np.ndarray, new: np.ndarray, level: float) -> Interval:
    """Return the paired t interval (Student 1908) for these networks on other images."""
    return interval(mean_difference(old, new), images_variance(old, new), old.shape[1] - 1, level)


def same_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """Return the interval over seeds, on these images; None without a spread between seeds."""
    if (parts := parts_of_both(old, new)) is None:
        return None
    return interval(mean_difference(old, new), parts.seeds, parts.freedom, level)


def other_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """Return the interval over seeds and images; None without a spread between seeds.

    Variance: images + seeds - cells, because both of the former contain the cells. Degrees of freedom: Satterthwaite
    (1946), Biometrics Bulletin 2, 110, applied as in Hillis (2007), Stat. Med. 26, 596, to readers and cases. Never
    narrower than over seeds alone: with two or three seeds these degrees of freedom are too many.
    """
    if (parts := parts_of_both(old, new)) is None:
        return None
    difference, images = mean_difference(old, new), images_variance(old, new)
    variance = max(images + parts.seeds - parts.cells, parts.seeds)
    squares = parts.seeds**2 / parts.freedom + images**2 / max(old.shape[1] - 1, 1)
    everything = interval(difference, variance, variance**2 / squares if squares else 1, level)
    seeds = interval(difference, parts.seeds, parts.freedom, level)
    return Interval(min(everything.low, seeds.low), max(everything.high, seeds.high), max(everything.p, seeds.p))


def mean_difference(old: np.ndarray, new: np.ndarray) -> float:
    return float(new.mean() - old.mean())


def interval(difference: float, variance: float, freedom: float, level: float) -> Interval:
    """Return Student's t interval for a difference with the given variance."""
    error = sqrt(variance)
    if not error:
        return Interval(difference, difference, float(difference == 0))
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return Interval(difference - reach, difference + reach, p)
