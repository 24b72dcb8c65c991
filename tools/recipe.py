"""Run a recipe, a named set of parameters in recipes/, as DVC experiments, and keep the results in a table.

Usage: python tools/recipe.py NAME [--seeds N] [--split test] [--jobs J | --scheduler ADDRESS|FILE]

recipes/NAME.yaml holds sections of params.yaml, only the parameters that differ. Each of the seeds 0 to N-1 becomes a
row of reports/record.csv and the experiment NAME-<seed> of the current commit, which `dvc exp show` lists and
`dvc exp apply` brings into the working tree. They run in copies of the project. A seed that DVC has trained before is
not trained again and keeps its row. Prints the validation accuracy, with `--split test` the test accuracy.
reports/record_curves.csv and record.png hold the learning curves.
A recipe for another data set keeps all that in reports/recipes/NAME, outside of Git, with its page and model card.
"""

import running.stages_on_path  # noqa: F401

import argparse
import itertools
import json
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAMLError

from common import params
from common.errors import PipelineError, on_interrupt
from common.files import atomic_write
from common.lock import exclusive
from drawing import figures
from drawing.figures import Figure, plt
from running import project
from running.experiments import copy_pages, run_experiment, settings
from running.overrides import require_valid
from running.variants import Where, run_variants

RECIPES = Path("recipes")
TABLE, CURVES = "record.csv", "record_curves.csv"
OTHER_DATA = {"about", "dataset", "download"}  # sections that make results incomparable with those of other recipes
KEY = ["recipe", "seed"]
SHOWN = {"validation": "val_accuracy", "test": "accuracy"}  # the column of a split
COLOURS = [figures.TRAIN, figures.VALIDATION, figures.TEST]


def read_recipe(name: str) -> dict:
    """Return the parameters of each section in recipes/`name`.yaml.

    Raises PipelineError when there is no such file, its form is wrong, or a parameter is not valid.
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


def read_seed(name: str, folder: Path, report: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the row of the table for a finished seed of a recipe, and its learning curve: one row per epoch.

    Without a training now, because DVC had its result, time and hardware are unknown and stay empty. The minutes of the
    curve assume epochs of equal length; the other stages take less than a minute.
    """
    history = pd.read_csv(folder / "reports/train/history.csv")
    metrics = json.loads((folder / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    trained = "train" in report["computed"]
    minutes = report["seconds"] / 60 if trained else float("nan")
    key = {"recipe": name, "seed": report["parameters"]["train.seed"]}
    row = {
        "epochs": len(history),
        "val_accuracy": history["val_accuracy"].iloc[-1],
        "accuracy": metrics["accuracy"],
        "errors": metrics["errors"],
        "minutes": round(minutes, 1),
        "hardware": report["hardware"] if trained else "",
    }
    passed = (history["epoch"] * minutes / len(history)).round(2)
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
    scale = "log" if (curves["val_accuracy"] < 1).any() else "linear"  # a log scale cannot show 0 alone
    axes.set(yscale=scale, xlabel="minutes", ylabel="validation errors (%)", title="What a recipe reaches, and when")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(which="both")
    axes.legend(frameon=False)
    return figure


def with_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the sorted table in which `rows`, all of one recipe and seed, replace earlier ones."""
    others = [table[(table[KEY] != rows[KEY].iloc[0]).any(axis=1)]] if len(table) else []
    return pd.concat([*others, rows]).sort_values(KEY, kind="stable", ignore_index=True)


def keep(reports: Path, row: pd.DataFrame, curve: pd.DataFrame) -> None:
    """Put the row and the curve of a seed into the tables in `reports`, and draw all curves.

    A row of the same results stays as it is, with the time that its training took, unless this one has a newer time.
    """
    table, curves = (read_table(reports / name, like) for name, like in [(TABLE, row), (CURVES, curve)])
    if row["minutes"].isna().all() and len(table.merge(row, on=[*KEY, "epochs", *SHOWN.values(), "errors"])):
        return
    table, curves = with_rows(table, row), with_rows(curves, curve)
    for name, rows in [(TABLE, table), (CURVES, curves)]:
        with atomic_write(reports / name) as part:
            rows.to_csv(part, index=False, lineterminator="\n")
    figures.save(draw_curves(curves), reports / "record.png")


def read_table(path: Path, like: pd.DataFrame) -> pd.DataFrame:
    """Return the table at `path`, without rows where there is no file yet."""
    return pd.read_csv(path) if path.exists() else like.iloc[:0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", help="the name of a file in recipes/, without .yaml")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds, from 0; 1 by default")
    parser.add_argument("--split", choices=SHOWN, default="validation", help="print the accuracy on it")
    Where.add_options(parser, jobs=1)
    arguments = parser.parse_args()
    name, where = arguments.recipe, Where.of(arguments)
    recipe = read_recipe(name)
    other_data = bool(OTHER_DATA & recipe.keys())
    reports = Path("reports/recipes", name) if other_data else Path("reports")

    def read(folder: Path, report: dict) -> pd.DataFrame:
        row, curve = read_seed(name, folder, report)
        keep(reports, row, curve)
        return row

    variants = [{**by_full_name(recipe), "train.seed": seed} for seed in range(arguments.seeds)]
    with exclusive("recipe"), on_interrupt("before the end; run it again: finished seeds are in DVC's cache"):
        rows = run_variants(Path.cwd(), variants, where, read, title="seed")
        for seed, row in enumerate(rows):
            experiment = f"{name}-{seed}"
            run_experiment(experiment, settings(recipe, seed))
            print(f"{experiment}: {arguments.split} accuracy {row[SHOWN[arguments.split]][0]:.2%}")
            if other_data:
                page = copy_pages(experiment, reports / str(seed))
                print(f"page: {page}; `dvc exp apply {experiment}` replaces the project's data set (commit first)")


if __name__ == "__main__":
    project.run(main)
