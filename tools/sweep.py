"""Find the best settings: train every combination of some parameters, each with several seeds, and compare.

Usage: python tools/sweep.py 'train.learning_rate=0.001,0.002' 'train.batch_size=64,128' [--seeds N] [--jobs J | ...]

Decides on the validation split; the test split plays no part. Prints the settings, the best mean validation accuracy
first, and which of the others do not differ significantly from the best. Writes reports/sweep.csv, a row for each
setting and seed, and reports/sweep.png. Finished variants come from DVC's run cache.
"""

import running.stages_on_path  # noqa: F401

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from common import params
from common.errors import PipelineError, on_interrupt
from common.files import atomic_write
from common.lock import exclusive
from common.params import Evaluate
from comparison import statistics
from running import copies, hardware, overrides, project
from running.overrides import Overrides
from running.variants import TARGET, Where, run_variants

OF_THE_DATA = {"dataset", "download", "normalize"}  # sections that change the validation images
TABLE, FIGURE = Path("reports/sweep.csv"), Path("reports/sweep.png")


def read_row(folder: Path, report: dict) -> dict:
    """Return the row of one variant: its parameters, the seed last, and its results."""
    metrics = json.loads((folder / "reports/train/metrics.json").read_text(encoding="utf-8"))
    return report["parameters"] | {"val_accuracy": metrics["val_accuracy"], "val_loss": metrics["val_loss"]}


def describe(table: pd.DataFrame, grid: Sequence[Overrides], level: float) -> str:
    """Return the settings, best first, with mean, spread and the test of the difference to the best."""
    accuracy = as_matrix(table, len(grid))
    means = accuracy.mean(axis=1)
    best = int(means.argmax())
    rows = []
    for i in np.argsort(-means, kind="stable").tolist():
        spread = f" ± {100 * accuracy[i].std(ddof=1):.2f}" if accuracy.shape[1] > 1 else ""
        rows.append([overrides.name(grid[i]), f"{100 * means[i]:.2f}{spread}", judge(accuracy, i, best, level)])
    headers = ["settings", "validation accuracy (%)", "difference to the best"]
    return f"{tabulate(rows, headers, tablefmt='plain', disable_numparse=True)}\n\n{explain(accuracy, level)}"


def judge(accuracy: np.ndarray, setting: int, best: int, level: float) -> str:
    """Return the difference between a setting and the best one, and whether it is significant."""
    if setting == best:
        return "the best"
    difference = 100 * (accuracy[setting].mean() - accuracy[best].mean())
    if accuracy.shape[1] < 2:
        return f"{difference:+.2f}"
    p = statistics.tukey(accuracy, setting, best)
    return f"{difference:+.2f}, {'worse' if p < 1 - level else 'not significantly worse'} (p = {p:.2g})"


def explain(accuracy: np.ndarray, level: float) -> str:
    settings, seeds = accuracy.shape
    if seeds < 2:
        return "One seed shows no spread between seeds; use `--seeds 3` or more."
    return (
        f"Mean ± standard deviation over {seeds} seeds. p: Tukey (1953), all pairs of the {settings} settings, "
        f"seeds as blocks, at a level of {100 * level:g} %. It holds for other seeds on these validation images."
    )


def as_matrix(table: pd.DataFrame, settings: int) -> np.ndarray:
    """Return the validation accuracy, (settings, seeds), of a table sorted by setting, then seed."""
    return table["val_accuracy"].to_numpy().reshape(settings, -1)


def draw(table: pd.DataFrame, grid: Sequence[Overrides], path: Path) -> None:
    """Draw a dot for each seed and a bar at the mean, a row for each setting, the best on top."""
    from drawing import figures  # Matplotlib, after the hours of computing

    accuracy = 100 * as_matrix(table, len(grid))
    order = np.argsort(accuracy.mean(axis=1), kind="stable")
    figure, axes = figures.plt.subplots(figsize=(8, 1.2 + 0.35 * len(grid)))
    for place, i in enumerate(order.tolist()):
        axes.plot(accuracy[i], [place] * accuracy.shape[1], "o", color=figures.TRAIN, alpha=0.6, markersize=5)
        axes.plot(accuracy[i].mean(), place, "|", color="black", markersize=14, markeredgewidth=2)
    axes.set_yticks(range(len(grid)), [overrides.name(grid[i]) for i in order])
    axes.set(xlabel="validation accuracy (%); a dot for each seed, a bar at the mean", ylim=(-0.6, len(grid) - 0.4))
    axes.grid(axis="x")
    figures.save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("grid", nargs="+", metavar="SECTION.NAME=VALUE,VALUE", help="a parameter and its values")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds, from 0; 3 by default")
    Where.add_options(parser, jobs=hardware.cores())
    arguments = parser.parse_args()
    grid = overrides.parse_grid(arguments.grid)
    if arguments.seeds < 1 or any("train.seed" in settings for settings in grid):
        raise PipelineError("expected at least 1 seed, set by --seeds and not in the grid")
    if changing := [key for key in grid[0] if key.split(".")[0] in OF_THE_DATA]:
        raise PipelineError(
            f"{changing[0]}: a sweep compares settings on the same validation images, and this changes them"
        )
    level, where = params.load(Evaluate).confidence_level, Where.of(arguments)

    variants = [{**settings, "train.seed": seed} for settings in grid for seed in range(arguments.seeds)]
    with exclusive("sweep"), on_interrupt("before the end; run it again: finished variants are in DVC's cache"):
        overrides.require_valid(Path.cwd(), *variants)
        copies.repro(Path.cwd(), TARGET)  # brings the data into the cache
        table = pd.DataFrame(run_variants(Path.cwd(), variants, where, read_row, title="variant"))
        with atomic_write(TABLE) as part:
            table.to_csv(part, index=False, lineterminator="\n")
        draw(table, grid, FIGURE)
    print(describe(table, grid, level))


if __name__ == "__main__":
    project.run(main)
