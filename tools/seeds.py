"""Measure the spread between seeds: train the current parameters with several seeds, through DVC.

Writes reports/seeds.csv, one row for each of the seeds 0 to N-1, and reports/seeds.npz, the per-image scores of each
network; tools/compare.py reads both. Prints the distribution of the accuracy. Only `train.seed` changes; the split
stays. Finished seeds come from DVC's run cache.
"""

from running.project import run

import argparse
from pathlib import Path

import pandas as pd

from common.errors import PipelineError, on_interrupt
from common.lock import exclusive
from comparison import study
from comparison.revisions import PREDICTIONS
from running import copies, lock
from running.variants import RESUME, TARGET, parse_options, run_variants


def read_seed(folder: Path, report: dict) -> tuple[dict, dict[str, pd.DataFrame]]:
    """Return the row of a finished seed, and its predictions of each split."""
    training, test = (report["metrics"][stage] for stage in ("train", "evaluate"))
    predictions = {split: pd.read_csv(folder / path) for split, path in PREDICTIONS.items()}
    validation = predictions["validation"]
    row = {
        "seed": report["parameters"]["train.seed"],
        "val_accuracy": training["val_accuracy"],
        "val_errors": int((validation["actual"] != validation["predicted"]).sum()),
        "val_loss": training["val_loss"],
        "accuracy": test["accuracy"],
        "errors": test["errors"],
        "loss": test["loss"],
        "model": report["outputs"][lock.MODEL],
    }
    return row, predictions


def describe(table: pd.DataFrame, split: str) -> str:
    """Return the distribution of the accuracy on a split, and which difference between single runs is evident.

    The difference of two runs has sqrt(2) times the standard deviation of one. Student's t, because that is estimated:
    seeds alone exceed the difference once in 20 times.
    """
    from scipy import stats  # half a second

    percent, n = 100 * table[f"{study.PREFIX[split]}accuracy"], len(table)
    deviation = percent.std(ddof=1)
    evident = stats.t.ppf(0.975, n - 1) * 2**0.5 * deviation
    return (
        f"{split} accuracy {percent.mean():.2f} % ± {deviation:.2f} (mean ± standard deviation over n = {n} seeds), "
        f"range {percent.min():.2f} to {percent.max():.2f} %\n"
    ) + (
        f"a difference below {evident:.2f} points between two single runs may be the seeds alone"
        if n > 2
        else "two seeds cannot show how far apart two single runs may be: use at least 3"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("n", type=int, help="number of seeds, at least 2")
    parser.add_argument("--split", choices=PREDICTIONS, default="validation", help="describe the accuracy on it")
    arguments = parse_options(parser)
    if arguments.n < 2:
        raise PipelineError("expected at least 2 seeds: a standard deviation needs them")

    variants = [{"train.seed": seed} for seed in range(arguments.n)]
    with exclusive("seeds"), on_interrupt(RESUME):
        copies.repro(Path.cwd(), TARGET)  # brings the data into the cache
        rows, frames = zip(*run_variants(Path.cwd(), variants, arguments, read_seed, "seed"), strict=True)
        table = study.save(rows, {split: [frame[split] for frame in frames] for split in PREDICTIONS})
    print(describe(table, arguments.split))


if __name__ == "__main__":
    run(main)
