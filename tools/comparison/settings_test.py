"""Which of several settings differ, when each was trained with the same seeds: Tukey's test with the seeds as blocks.

All pairs count, because the best setting was chosen by looking at them all.
Tukey (1953), The problem of multiple comparisons; Montgomery (2017), Design and analysis of experiments, section 4.1,
randomized complete block design.
"""

import numpy as np
from scipy.stats import studentized_range

SOURCE = "Tukey (1953), all pairs of settings, seeds as blocks"


def p_value(values: np.ndarray, first: int, second: int) -> float:
    """Return the p-value of the difference between two of the settings, corrected for all pairs of them.

    values: (settings, seeds), at least 2 of each. The error is what setting and seed together leave unexplained, with
    (settings - 1)(seeds - 1) degrees of freedom. Without any error a difference has p = 0, and no difference p = 1.
    """
    settings, seeds = values.shape
    difference = abs(values[first].mean() - values[second].mean())
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    freedom = (settings - 1) * (seeds - 1)
    error = np.sqrt((rest**2).sum() / freedom / seeds)
    if error < 1e-12:  # rounding
        return float(difference < 1e-12)
    return float(studentized_range.sf(difference / error, settings, freedom))
