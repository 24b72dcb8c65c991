"""Run a recipe, a named set of parameters in recipes/, as DVC experiments, and keep the results in a table.

Usage: python tools/recipe.py NAME [--seeds N] [--split test]

recipes/NAME.yaml holds sections of params.yaml, only what differs. Each of the seeds 0 to N-1 becomes the experiment
NAME-<seed> of the current commit, which `dvc exp show` lists and `dvc exp apply` brings into the working tree, and a
row of reports/record.csv. They run in a copy (`dvc exp run --temp`). What DVC has trained before is not trained again,
and keeps the row with the time it took then. Prints the validation accuracy, with `--split test` the test accuracy.
reports/record_curves.csv and record.png have the way there, epoch by epoch.
A recipe for another data set keeps all that in reports/recipes/NAME, outside of Git, with its page and model card.
"""

import running.stages_on_path  # noqa: F401

import argparse
import io
import itertools
import json
import os
import time
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAMLError

from common import params
from common.errors import PipelineError, on_interrupt, run
from common.files import atomic_write
from common.lock import exclusive
from drawing import figures
from drawing.figures import Figure, plt
from running import hardware
from running.experiments import copy_pages, overrides, reference, run_experiment
from running.git import git
from running.overrides import require_valid
from running.variants import Where, run_variants

PROJECT = Path(__file__).parents[1]
RECIPES = Path("recipes")
OTHER_DATA = {"about", "dataset", "download"}  # sections of a recipe that make its results no match for the others'
KEY = ["recipe", "seed"]
SHOWN = {"validation": "val_accuracy", "test": "accuracy"}  # the column of a split
COLOURS = [figures.TRAIN, figures.VALIDATION, figures.TEST]


def read_recipe(name: str) -> dict:
    """Return what recipes/`name`.yaml holds: the parameters of each section.

    Raises PipelineError when there is no such file, it holds something else, or a parameter is not valid.
    """
    path = RECIPES / f"{name}.yaml"
    if not path.exists():
        known = sorted(file.stem for file in RECIPES.glob("*.yaml"))
        raise PipelineError(f"expected the name of a recipe, one of {', '.join(known)}, found {name!r}")
    try:
        recipe = params.parse(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(recipe, dict) or not all(isinstance(section, dict) for section in recipe.values()):
        raise PipelineError(f"{path}: expected sections of params.yaml, each with its parameters")
    try:
        require_valid(Path(), by_full_name(recipe))
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from None
    return recipe


def by_full_name(recipe: dict) -> dict[str, object]:
    """Return the parameters of a recipe by `section.name`."""
    return {f"{section}.{key}": value for section, values in recipe.items() for key, value in values.items()}


def describe(recipe: str, seed: int, experiment: str, seconds: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the row of the table for an experiment that took `seconds`, and its curve: one row per epoch.

    The minutes of the curve assume epochs of equal length; the other stages take less than a minute.
    """
    at = reference(experiment)
    if not at:
        raise PipelineError(f"{experiment} is of another commit: was something committed meanwhile? Run it again")
    history = pd.read_csv(io.StringIO(git("show", f"{at}:./reports/train/history.csv").decode()))
    metrics = json.loads(git("show", f"{at}:./reports/evaluate/metrics.json"))
    epochs, minutes, key = len(history), seconds / 60, {"recipe": recipe, "seed": seed}
    row = {
        "epochs": epochs,
        "val_accuracy": history["val_accuracy"].iloc[-1],
        "accuracy": metrics["accuracy"],
        "errors": metrics["errors"],
        "minutes": round(minutes, 1),
        "hardware": hardware.describe(),
    }
    passed = (history["epoch"] * minutes / epochs).round(2)
    curve = history[["epoch", "val_accuracy"]].assign(minutes=passed, **key)
    return pd.DataFrame([key | row]), curve[[*key, "epoch", "minutes", "val_accuracy"]]


def draw_curves(curves: pd.DataFrame) -> Figure:
    """Draw the validation errors of each recipe over time, one line per seed."""
    figure, axes = plt.subplots(figsize=(8, 4))
    for colour, (recipe, runs) in zip(itertools.cycle(COLOURS), curves.groupby("recipe"), strict=False):
        label = f"{recipe} (n = {runs['seed'].nunique()})"
        for number, (_, curve) in enumerate(runs.groupby("seed")):
            once = None if number else label  # a recipe is named once
            axes.plot(curve["minutes"], 100 * (1 - curve["val_accuracy"]), color=colour, linewidth=1, label=once)
    axes.set(yscale="log", xlabel="minutes", ylabel="validation errors (%)", title="What a recipe reaches, and when")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(which="both")
    axes.legend(frameon=False)
    return figure


def with_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the sorted table in which `rows`, all of one recipe and seed, replace earlier ones."""
    others = [table[(table[KEY] != rows[KEY].iloc[0]).any(axis=1)]] if len(table) else []
    return pd.concat([*others, rows]).sort_values(KEY, kind="stable", ignore_index=True)


def keep(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Put the rows of one recipe and seed into the table at `path`; return the table."""
    table = with_rows(pd.read_csv(path) if path.exists() else pd.DataFrame(), rows)
    with atomic_write(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")
    return table


def run_elsewhere(recipe: dict, seeds: int, where: Where) -> dict[int, dict]:
    """Run the seeds on the workers of a scheduler; return the result of each seed, which is in the cache here then."""
    from running.shared_runs import bring  # DVC, most of a second

    variants = [{**by_full_name(recipe), "train.seed": seed} for seed in range(seeds)]
    results = run_variants(PROJECT, variants, where, lambda _, result: result, title="seed")
    bring(PROJECT, results)
    return dict(enumerate(results))


def run_seed(name: str, recipe: dict, seed: int, split: str, elsewhere: dict | None) -> None:
    """Run one experiment of a recipe, keep its row and its curve, and print its accuracy on a split.

    elsewhere: what a worker made of this seed, whose time and machine count then.
    """
    experiment, started = f"{name}-{seed}", time.monotonic()
    trained = run_experiment(experiment, overrides(recipe, seed))
    row, curve = describe(name, seed, experiment, elsewhere["seconds"] if elsewhere else time.monotonic() - started)
    if elsewhere:
        trained, row["hardware"] = bool(elsewhere["computed"]), elsewhere["hardware"]
    other_data = bool(OTHER_DATA & recipe.keys())
    reports = Path("reports/recipes", name) if other_data else Path("reports")
    if trained:
        keep(reports / "record.csv", row)
        figures.save(draw_curves(keep(reports / "record_curves.csv", curve)), reports / "record.png")
    print(f"{experiment}: {split} accuracy {row[SHOWN[split]][0]:.2%}")
    if other_data:
        page = copy_pages(experiment, reports / str(seed))
        print(f"page: {page}; `dvc exp apply {experiment}` puts this data set in the place of the project's own")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", help="the name of a file in recipes/, without .yaml")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds, from 0; 1 by default")
    parser.add_argument("--split", choices=SHOWN, default="validation", help="print the accuracy on it")
    Where.add_scheduler(parser)
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    recipe = read_recipe(arguments.recipe)
    with (
        exclusive("recipe"),
        on_interrupt("before the end; run it again: the seeds that have ended are in DVC's cache"),
    ):
        elsewhere = run_elsewhere(recipe, arguments.seeds, Where.of(arguments)) if arguments.scheduler else {}
        for seed in range(arguments.seeds):
            run_seed(arguments.recipe, recipe, seed, arguments.split, elsewhere.get(seed))


if __name__ == "__main__":
    run(main)
