"""How much of a result is luck: train several seeds of the current parameters, through DVC.

Usage: python tools/seeds.py N [--jobs J]

Writes reports/seeds.csv, one row for each of the seeds 0 to N-1, and prints their distribution. Only `train.seed`
changes; the split stays. Each seed runs in a copy of the project that shares the DVC cache, so that a finished one
comes from the run cache: a study that was killed goes on where it was, and a larger one trains only the new seeds.
"""

import argparse
import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from scipy import stats
from tqdm import tqdm

import running.stages_on_path  # noqa: F401
from common.errors import PipelineError, run
from common.files import atomic_write
from running import copies

PROJECT = Path(__file__).parents[1]
TABLE = Path("reports/seeds.csv")


def train_seed(seed: int, scratch: Path) -> dict:
    """Run the pipeline up to evaluate with this seed; return its row of the table."""
    folder = copies.copy(PROJECT, scratch / str(seed), cache=PROJECT / ".dvc/cache")
    copies.set_param(folder, "train", "seed", seed)
    copies.repro(folder, "evaluate")
    last = pd.read_csv(folder / "reports/train/history.csv").iloc[-1]
    metrics = json.loads((folder / "reports/evaluate/metrics.json").read_text())
    return {
        "seed": seed,
        "val_accuracy": last["val_accuracy"],
        "accuracy": metrics["accuracy"],
        "errors": metrics["errors"],
        "loss": metrics["loss"],
    }


def evident_difference(accuracies: pd.Series) -> float:
    """Return the difference between single runs of two settings that seeds alone exceed only once in 20 times.

    The difference of two runs has sqrt(2) times the standard deviation of one; Student's t, because that is estimated.
    """
    return float(stats.t.ppf(0.975, len(accuracies) - 1) * 2**0.5 * accuracies.std(ddof=1))


def describe(table: pd.DataFrame) -> str:
    """Return the distribution of the test accuracy in a few lines."""
    percent = 100 * table["accuracy"]
    return (
        f"test accuracy {percent.mean():.2f} % ± {percent.std(ddof=1):.2f} (mean ± standard deviation over "
        f"n = {len(table)} seeds), range {percent.min():.2f} to {percent.max():.2f} %\n"
        f"a difference below {evident_difference(percent):.2f} points between two single runs may be the seeds alone"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int, help="number of seeds, at least 2")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="seeds trained side by side, one a core by default"
    )
    arguments = parser.parse_args()
    if arguments.n < 2 or arguments.jobs < 1:
        raise PipelineError("expected at least 2 seeds (a standard deviation needs them) and 1 job")

    os.chdir(PROJECT)
    copies.repro(PROJECT, "evaluate", quiet=False)  # so that the data is in the cache for every copy
    with TemporaryDirectory(dir=".dvc/tmp") as scratch, ThreadPoolExecutor(arguments.jobs) as pool:
        started = [pool.submit(train_seed, seed, Path(scratch).resolve()) for seed in range(arguments.n)]
        bar = tqdm(as_completed(started), total=len(started), unit="seed", desc="seeds")
        table = pd.DataFrame([future.result() for future in bar]).sort_values("seed")

    with atomic_write(TABLE) as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6f")
    print(describe(table))


if __name__ == "__main__":
    run(main)
