"""Statistics of two networks that answered the same images: counts in, numbers out; crossed.py has those of seeds."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from comparison.crossed import Interval
from evaluation import intervals


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
    new_low, new_high = intervals.wilson(both + gained, n, level)
    old_low, old_high = intervals.wilson(both + lost, n, level)
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    covariance: float = both * neither - gained * lost
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


def two_networks(old: np.ndarray, new: np.ndarray, level: float) -> Interval:
    """What holds for the accuracy of these very networks on any images of the kind; old, new: (n,) bool."""
    table = count(old, new)
    return Interval(*difference_interval(table, level), mcnemar(table))


def holm(p_values: Sequence[float], tries: int) -> list[float]:
    """Return the p-values adjusted by Holm (1979), Scand. J. Stat. 6, 65, in their order; tries: at least their number.

    The chance that any of them is below 0.05 although there is no difference at all is then at most 5 %, however the
    comparisons hang together.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (tries - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
