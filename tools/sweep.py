"""Find the best settings: train every combination of some parameters, each with several seeds, and compare.

Usage: python tools/sweep.py 'train.learning_rate=0.001,0.002' 'train.batch_size=64,128' [--seeds N] [--jobs J | ...]

Decides on the validation split; the test split plays no part. Prints the settings, the best mean validation accuracy
first, and which of the others do not differ significantly from the best. Writes reports/sweep.csv, a row for each
setting and seed, and reports/sweep.png. Finished variants come from DVC's run cache.
"""

from running.project import run

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from common import params
from common.errors import PipelineError, on_interrupt
from common.files import atomic_write
from common.lock import exclusive
from running import copies, overrides
from running.variants import RESUME, TARGET, parse_options, run_variants

OF_THE_DATA = {"dataset", "download", "normalize"}  # sections that change the validation images
TABLE, FIGURE = Path("reports/sweep.csv"), Path("reports/sweep.png")


def describe(grid: Sequence[overrides.Overrides], accuracy: np.ndarray, level: float) -> str:
    """Return the settings, best first, with their difference to the best; accuracy: (settings, seeds)."""
    from comparison import statistics  # SciPy, half a second

    settings, seeds = accuracy.shape
    means = accuracy.mean(axis=1)
    best = int(means.argmax())
    rows = []
    for i in np.argsort(-means, kind="stable").tolist():
        spread = f" ± {100 * accuracy[i].std(ddof=1):.2f}" if seeds > 1 else ""
        difference = "the best" if i == best else f"{100 * (means[i] - means[best]):+.2f}"
        if i != best and seeds > 1:
            p = statistics.tukey(accuracy, i, best)
            difference += f", {'worse' if p < 1 - level else 'not significantly worse'} (p = {p:.2g})"
        rows.append([overrides.name(grid[i]), f"{100 * means[i]:.2f}{spread}", difference])
    headers = ["settings", "validation accuracy (%)", "difference to the best"]
    explanation = (
        f"Mean ± standard deviation over {seeds} seeds. p: Tukey (1953), all pairs of the {settings} settings, "
        f"seeds as blocks, at a level of {100 * level:g} %. It holds for other seeds on these validation images."
        if seeds > 1
        else "One seed shows no spread between seeds; use `--seeds 3` or more."
    )
    return f"{tabulate(rows, headers, tablefmt='plain', disable_numparse=True)}\n\n{explanation}"


def draw(grid: Sequence[overrides.Overrides], accuracy: np.ndarray, path: Path) -> None:
    """Draw a dot for each seed and a bar at the mean, a row for each setting, the best on top."""
    from drawing import figures  # Matplotlib, after the hours of computing

    percent = 100 * accuracy
    order = np.argsort(percent.mean(axis=1), kind="stable").tolist()
    figure, axes = figures.plt.subplots(figsize=(8, 1.2 + 0.35 * len(grid)))
    for place, i in enumerate(order):
        axes.plot(percent[i], [place] * percent.shape[1], "o", color=figures.TRAIN, alpha=0.6, markersize=5)
        axes.plot(percent[i].mean(), place, "|", color="black", markersize=14, markeredgewidth=2)
    axes.set_yticks(range(len(grid)), [overrides.name(grid[i]) for i in order])
    axes.set(xlabel="validation accuracy (%); a dot for each seed, a bar at the mean", ylim=(-0.6, len(grid) - 0.4))
    axes.grid(axis="x")
    figures.save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("grid", nargs="+", metavar="SECTION.NAME=VALUE,VALUE", help="a parameter and its values")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds, from 0; 3 by default")
    arguments = parse_options(parser)
    grid, seeds = overrides.parse_grid(arguments.grid), arguments.seeds
    if seeds < 1 or any("train.seed" in settings for settings in grid):
        raise PipelineError("expected at least 1 seed, set by --seeds and not in the grid")
    if changing := [key for key in grid[0] if key.split(".")[0] in OF_THE_DATA]:
        raise PipelineError(
            f"{changing[0]}: a sweep compares settings on the same validation images, and this changes them"
        )
    level = params.load(params.Evaluate).confidence_level

    def read(_: Path, report: dict) -> dict:
        results = report["metrics"]["train"]
        return report["parameters"] | {name: results[name] for name in ("val_accuracy", "val_loss")}

    variants = [{**settings, "train.seed": seed} for settings in grid for seed in range(seeds)]
    with exclusive("sweep"), on_interrupt(RESUME):
        overrides.require_valid(Path.cwd(), *variants)
        copies.repro(Path.cwd(), TARGET)  # brings the data into the cache
        table = pd.DataFrame(run_variants(Path.cwd(), variants, arguments, read, "variant"))
        with atomic_write(TABLE) as part:
            table.to_csv(part, index=False, lineterminator="\n")
        accuracy = table["val_accuracy"].to_numpy().reshape(len(grid), seeds)
        draw(grid, accuracy, FIGURE)
    print(describe(grid, accuracy, level))


if __name__ == "__main__":
    run(main)
