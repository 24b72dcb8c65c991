"""Seeds and images as two crossed sources of luck: how sure a mean difference between two settings is.

Each setting was trained with several seeds, and every network answered the same images. A score (right or wrong, loss,
...) therefore has a row for each seed and a column for each image: a two-way layout with crossed random effects and one
value in each cell, known from readers and cases in medical imaging. Notation: setting s has r seeds, n images.
- Cornfield and Tukey (1956), Ann. Math. Stat. 27, 907: the mean squares and what they estimate;
- Gallas, Pennello and Myers (2007), J. Opt. Soc. Am. A 24, B70: the same for right and wrong answers;
- Owen (2007), Ann. Appl. Stat. 1, 386: why neither the seeds nor the images alone show the whole variance.
The seeds of two settings are taken as independent, also where they have the same numbers.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Interval:
    """An interval for a difference, and the two-sided p-value of "there is none" that belongs to it."""

    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Parts:
    """What one setting adds to the variance of the mean difference, for a mean over r seeds and n images."""

    seeds: float  # variance of the seeds' means: what other seeds would change, on these images
    cells: float  # the part of it that is luck of a seed with an image, which the images' part holds as well
    freedom: float  # of `seeds`


def split_variance(scores: np.ndarray) -> Parts:
    """Return the parts of one setting; scores: (r, n) with r >= 2.

    With mean squares MS: seeds = MS(seeds) / (r n), cells = MS(seeds x images) / (r n). Where all seeds have the same
    mean by coincidence, `seeds` is what the cells alone would make: two equal counts of errors are no proof.
    """
    r, n = scores.shape
    of_seeds = scores.mean(axis=1)
    rest = scores - of_seeds[:, None] - scores.mean(axis=0) + scores.mean()
    cells = (rest**2).sum() / ((r - 1) * max(n - 1, 1)) / (r * n)
    return Parts(float(of_seeds.var(ddof=1)) / r or float(cells), float(cells), r - 1)


def parts_of_both(old: np.ndarray, new: np.ndarray) -> Parts | None:
    """Add the parts of two settings; None if both have a single seed, from which no spread can be seen.

    A single seed is taken to come from the spread of the other setting. The degrees of freedom of two variances are
    those of Welch (1947), Biometrika 34, 28.
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
    """Return the variance of the mean difference when the images are drawn anew and the networks stay: s^2 / n.

    s is the standard deviation of the differences of the images, each averaged over the seeds.
    """
    differences = new.mean(axis=0) - old.mean(axis=0)
    return float(differences.var(ddof=1)) / len(differences) if len(differences) > 1 else 0.0


def these_networks(old: np.ndarray, new: np.ndarray, level: float) -> Interval:
    """What holds for these very networks on any images of the kind: the paired t interval (Student 1908)."""
    return interval(mean_difference(old, new), images_variance(old, new), old.shape[1] - 1, level)


def these_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """What holds for the settings, whatever the seed, on these very images; None without a spread of seeds."""
    if (parts := parts_of_both(old, new)) is None:
        return None
    return interval(mean_difference(old, new), parts.seeds, parts.freedom, level)


def any_images(old: np.ndarray, new: np.ndarray, level: float) -> Interval | None:
    """What holds for the settings, whatever the seed, on any images of the kind; None without a spread of seeds.

    Variance: images + seeds - cells, as both the images' part and the seeds' part hold the cells. Degrees of freedom:
    Satterthwaite (1946), Biometrics Bulletin 2, 110, as Hillis (2007), Stat. Med. 26, 596, applies him to readers and
    cases. Never narrower than on these images alone: with two or three seeds these degrees of freedom are too many.
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
    """Return the interval of Student for a difference of that variance."""
    error = sqrt(variance)
    if not error:
        return Interval(difference, difference, float(difference == 0))
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return Interval(difference - reach, difference + reach, p)
