"""The interval of an accuracy, or of any other share of images that were counted."""

from scipy.stats import binomtest


def interval(hits: int, images: int, level: float) -> tuple[float, float]:
    """Return the ends of the interval of Wilson (1927), J. Am. Stat. Assoc. 22, 209, for `hits` of `images`."""
    ends = binomtest(hits, images).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)
