"""Statistics of two networks that answered the same images, and of the spread between seeds: counts in, numbers out.

One run at each of two revisions supports two claims, and they need different intervals:
- about these two networks: only the choice of test images varies (`difference_interval`, `mcnemar`);
- about the settings, whatever the seed: the seeds vary as well (`settings_interval`).
Both are for one comparison, settled before looking: of twenty changes that do nothing, one passes at 95 %.
"""

from collections.abc import Iterable
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, t

from common import wilson


class Table(NamedTuple):
    """How many images which network got right."""

    both: int
    gained: int  # only the new network
    lost: int  # only the old network
    neither: int

    @property
    def difference(self) -> float:
        """Accuracy of the new network minus that of the old one."""
        return (self.gained - self.lost) / sum(self)


class Spread(NamedTuple):
    """Standard deviation of the accuracy between seeds of the same settings, and its degrees of freedom."""

    sd: float
    freedom: int


def count(old: np.ndarray, new: np.ndarray) -> Table:
    """Cross-tabulate who was right; old, new: (n,) bool, the same images in the same order."""
    return Table(*(int(right.sum()) for right in (old & new, new & ~old, old & ~new, ~old & ~new)))


def difference_interval(table: Table, level: float) -> tuple[float, float]:
    """Return the interval of Newcombe (1998), Stat. Med. 17, 2635, method 10, for new minus old accuracy.

    It joins the two Wilson intervals by the correlation of the answers, so it stays in [-1, 1] and holds near 100 %.
    Fagerland, Lydersen and Laake (2014), Stat. Med. 33, 2850, recommend it among the closed forms.
    """
    both, gained, lost, neither = table
    n = sum(table)
    new, old = (both + gained) / n, (both + lost) / n
    new_low, new_high = wilson.interval(both + gained, n, level)
    old_low, old_high = wilson.interval(both + lost, n, level)
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    covariance = both * neither - gained * lost
    if covariance > 0:
        covariance = max(covariance - n / 2, 0)  # the correction for continuity that makes method 10 of method 8
    phi = covariance / sqrt(margins) if margins else 0

    def reach(down: float, up: float) -> float:
        return sqrt(max(down**2 - 2 * phi * down * up + up**2, 0))

    low = table.difference - reach(new - new_low, old_high - old)
    high = table.difference + reach(old - old_low, new_high - new)
    return max(low, -1), min(high, 1)


def mcnemar(table: Table) -> float:
    """Return the p-value of the exact test of McNemar (1947), Psychometrika 12, 153: is a flip as likely either way?

    It is the binomial test on the images that only one of the two networks got right.
    """
    flips = table.gained + table.lost
    return float(binomtest(table.gained, flips).pvalue) if flips else 1.0


def pool(groups: Iterable[np.ndarray]) -> Spread | None:
    """Pool the variance within groups of accuracies, one group for each settings; None if no group has two seeds."""
    groups = [np.asarray(group, np.float64) for group in groups]
    freedom = sum(len(group) - 1 for group in groups)
    if freedom < 1:
        return None
    return Spread(sqrt(sum(((group - group.mean()) ** 2).sum() for group in groups) / freedom), freedom)


def share_of_pairs(difference: float, spread: Spread) -> float:
    """Return how often two seeds of the same settings differ by `difference` or more, either way.

    Two independent runs of standard deviation sd differ with sqrt(2) sd; Student (1908), Biometrika 6, 1, because sd
    itself comes from few seeds. It is also the p-value of "the change did nothing but draw another seed".
    """
    if difference == 0:
        return 1.0
    return float(2 * t.sf(abs(difference) / (sqrt(2) * spread.sd), spread.freedom)) if spread.sd else 0.0


def settings_interval(table: Table, spread: Spread, level: float) -> tuple[float, float]:
    """Return an interval for new minus old accuracy of the settings: other seeds, other images of the same kind.

    The variances of both sources add up: that of a paired difference (McNemar 1947) and 2 sd^2 for two single runs,
    which takes the spread of both settings to be the same. Part of the first is itself the luck of the seed, so the
    sum errs on the side of caution. Degrees of freedom: Satterthwaite (1946), Biometrics Bulletin 2, 110; with two
    or three seeds they are too many, so the interval is never narrower than the seeds alone would make it.
    """
    n = sum(table)
    of_images = max((table.gained + table.lost) / n - table.difference**2, 0) / n
    of_seeds = 2 * spread.sd**2
    ratio = 1 + of_images / of_seeds if of_seeds else inf
    both = t.ppf((1 + level) / 2, spread.freedom * ratio * ratio) * sqrt(of_images + of_seeds)
    reach = float(max(both, t.ppf((1 + level) / 2, spread.freedom) * sqrt(of_seeds)))
    return max(table.difference - reach, -1), min(table.difference + reach, 1)
