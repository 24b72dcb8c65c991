"""The Wilson interval of an accuracy, or of any other share of counted images.

Same numbers as SciPy's `binomtest`, whose import takes longer than all of stages/report.py.
"""

from math import sqrt
from statistics import NormalDist


def wilson(hits: int, images: int, level: float) -> tuple[float, float]:
    """Return the ends of the interval of Wilson (1927), J. Am. Stat. Assoc. 22, 209, for `hits` of `images`."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = hits + z**2 / 2
    half = z * sqrt(hits * (images - hits) / images + z**2 / 4)
    return max(0.0, (middle - half) / (images + z**2)), min(1.0, (middle + half) / (images + z**2))
