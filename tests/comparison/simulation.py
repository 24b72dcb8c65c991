"""Coverage and power of a comparison's intervals, on simulated networks with known accuracies.

Usage: python tests/comparison/simulation.py [REPEATS]; prints the table of docs/statistics.md; 500 repeats take minutes

A network is right with probability sigmoid(easiness of the image + effect of the seed + seed-by-image interaction). As
on MNIST, 98 % are right, two seeds answer 1.5 % of the images differently, and the accuracies of seeds have a standard
deviation of 0.09 points.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":  # pytest has these folders on its path
    sys.path[:0] = [str(Path(__file__).parents[2] / folder) for folder in ("tools", "stages")]

from comparison.statistics import other_images, same_images, two_networks

EASINESS, BY_IMAGE, BY_SEED, BY_BOTH = (13.3, 6.0), 1.0, 0.03, 0.8  # mean and sd; standard deviations, all in logits
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)  # to average over a normal distribution
WEIGHTS = WEIGHTS / WEIGHTS.sum()
LEVEL = 0.95


class Outcome(NamedTuple):
    covered: float  # share of the repeats whose interval held the true difference
    found: float  # share whose interval was above zero
    half: float  # mean half width of the interval


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def chance(easiness: np.ndarray) -> np.ndarray:
    """Return for each image the share of seeds that are right."""
    spread = np.hypot(BY_SEED, BY_BOTH)
    return sum(weight * sigmoid(easiness + spread * node) for node, weight in zip(NODES, WEIGHTS, strict=True))


def draw_images(random: np.random.Generator, n: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the easiness of n images for the old and for the new settings."""
    old = random.normal(*EASINESS, n)
    return old, old + gain + BY_IMAGE * random.normal(0, 1, n)


def answers(random: np.random.Generator, easiness: np.ndarray, seeds: int) -> np.ndarray:
    """Return (seeds, n): 1 for a right answer."""
    effects = random.normal(0, BY_SEED, (seeds, 1)) + random.normal(0, BY_BOTH, (seeds, len(easiness)))
    return (random.random((seeds, len(easiness))) < sigmoid(easiness + effects)).astype(np.float64)


def coverage(old_seeds: int, new_seeds: int, images: int, gain: float, repeats: int, seed: int) -> dict[str, Outcome]:
    """Compare so many times; `single runs` compares the first seed of each alone, on any images."""
    random = np.random.default_rng(seed)
    old, new = draw_images(random, 400_000, gain)
    everywhere = float((chance(new) - chance(old)).mean())
    rows: dict[str, list[tuple[float, float, float]]] = {"same images": [], "other images": [], "single runs": []}
    for _ in range(repeats):
        old, new = draw_images(random, images, gain)
        before, after = answers(random, old, old_seeds), answers(random, new, new_seeds)
        here = same_images(before, after, LEVEL)
        elsewhere = other_images(before, after, LEVEL)
        single = two_networks(before[0] > 0, after[0] > 0, LEVEL)
        truths = (float((chance(new) - chance(old)).mean()), everywhere, everywhere)
        for name, found, truth in zip(rows, (here, elsewhere, single), truths, strict=True):
            rows[name].append((found.low, found.high, truth))
    outcomes = {}
    for name, values in rows.items():
        low, high, truth = np.array(values).T
        covered = (low <= truth) & (truth <= high)
        outcomes[name] = Outcome(float(covered.mean()), float((low > 0).mean()), float((high - low).mean() / 2))
    return outcomes


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print("| seeds, old and new | gain (points) | claim | covers the truth | finds the gain | half width (points) |")
    print("|---|---:|---|---:|---:|---:|")
    for old_seeds, new_seeds in [(10, 10), (10, 1), (3, 3)]:
        for gain in (0.3, 0.5):  # logits
            random = np.random.default_rng(0)
            old, new = draw_images(random, 400_000, gain)
            points = 100 * float((chance(new) - chance(old)).mean())
            for claim, found in coverage(old_seeds, new_seeds, 12_000, gain, repeats, seed=3).items():
                print(
                    f"| {old_seeds}, {new_seeds} | {points:+.2f} | {claim} | {100 * found.covered:.1f} % "
                    f"| {100 * found.found:.1f} % | {100 * found.half:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
