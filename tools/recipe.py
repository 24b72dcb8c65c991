"""Run a recipe, a named set of parameters in recipes/, as DVC experiments, and keep the results in a table.

recipes/NAME.yaml holds the parameters that differ. Each of the seeds 0 to N-1 becomes a row of reports/record.csv, a
curve in record_curves.csv and record.png, and the experiment NAME-<seed> of the current commit. They run in copies of
the project. A seed that DVC has trained before is not trained again and keeps its row.
A recipe for another data set keeps all that in reports/recipes/NAME, outside of Git, with its page and model card.
"""

from running.project import run

import argparse
from pathlib import Path

import pandas as pd

from common.errors import on_interrupt
from common.files import atomic_write
from common.lock import exclusive
from running.experiments import copy_pages, run_experiment
from running.overrides import read_recipe
from running.variants import RESUME, parse_options, run_variants

TABLE, CURVES, FIGURE = "record.csv", "record_curves.csv", "record.png"
OTHER_DATA = {"about", "dataset", "download"}  # sections that make results incomparable with those of other recipes
KEY = ["recipe", "seed"]
SHOWN = {"validation": "val_accuracy", "test": "accuracy"}  # the column of a split


def read_seed(name: str, folder: Path, report: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the row of the table for a finished seed of a recipe, and its learning curve: one row per epoch.

    If DVC has restored the training, its time and hardware are unknown and stay empty. The minutes of the curve assume
    epochs of equal length; the other stages take less than a minute.
    """
    history = pd.read_csv(folder / "reports/train/history.csv")
    test = report["metrics"]["evaluate"]
    trained = "train" in report["computed"]
    minutes = report["seconds"] / 60 if trained else float("nan")
    key = {"recipe": name, "seed": report["parameters"]["train.seed"]}
    row = {
        "epochs": len(history),
        "val_accuracy": history["val_accuracy"].iloc[-1],
        "accuracy": test["accuracy"],
        "errors": test["errors"],
        "minutes": round(minutes, 1),
        "hardware": report["hardware"] if trained else "",
    }
    passed = (history["epoch"] * minutes / len(history)).round(2)
    curve = history[["epoch", "val_accuracy"]].assign(minutes=passed, **key)
    return pd.DataFrame([key | row]), curve[[*KEY, "epoch", "minutes", "val_accuracy"]]


def draw(curves: pd.DataFrame, path: Path) -> None:
    """Draw the validation errors of each recipe over time, one line per seed."""
    from drawing import figures  # Matplotlib, after the hours of computing

    colours = [figures.TRAIN, figures.VALIDATION, figures.TEST, "#009E73", "#CC79A7", "black"]  # Okabe and Ito (2008)
    figure, axes = figures.plt.subplots(figsize=(8, 4))
    for number, (recipe, runs) in enumerate(curves.groupby("recipe")):
        label = f"{recipe} (n = {runs['seed'].nunique()})"
        for _, curve in runs.groupby("seed"):
            errors = 100 * (1 - curve["val_accuracy"])
            axes.plot(curve["minutes"], errors, color=colours[number % len(colours)], linewidth=1, label=label)
            label = ""  # a recipe is named once
    scale = "log" if (curves["val_accuracy"] < 1).any() else "linear"  # a log scale cannot show 0 alone
    axes.set(yscale=scale, xlabel="minutes", ylabel="validation errors (%)", title="What a recipe reaches, and when")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(which="both")
    axes.legend(frameon=False)
    figures.save(figure, path)


def with_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the sorted table in which `rows`, all of one recipe and seed, replace earlier ones."""
    others = [table[(table[KEY] != rows[KEY].iloc[0]).any(axis=1)]] if len(table) else []
    return pd.concat([*others, rows]).sort_values(KEY, kind="stable", ignore_index=True)


def keep(reports: Path, row: pd.DataFrame, curve: pd.DataFrame) -> None:
    """Put the row and the curve of a seed into the tables in `reports`, and draw all curves.

    A row of the same results stays as it is, with the time that its training took, unless this one has a newer time.
    """
    table, curves = (
        pd.read_csv(reports / name) if (reports / name).exists() else rows.iloc[:0]
        for name, rows in [(TABLE, row), (CURVES, curve)]
    )
    if row["minutes"].isna().all() and len(table.merge(row, on=[*KEY, "epochs", *SHOWN.values(), "errors"])):
        return
    table, curves = with_rows(table, row), with_rows(curves, curve)
    for name, rows in [(TABLE, table), (CURVES, curves)]:
        with atomic_write(reports / name) as part:
            rows.to_csv(part, index=False, lineterminator="\n")
    draw(curves, reports / FIGURE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", help="the name of a file in recipes/, without .yaml")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds, from 0; 1 by default")
    parser.add_argument("--split", choices=SHOWN, default="validation", help="print the accuracy on it")
    arguments = parse_options(parser, jobs=1)
    name, changes = arguments.recipe, read_recipe(Path(), arguments.recipe)
    other_data = any(key.split(".")[0] in OTHER_DATA for key in changes)
    reports = Path("reports/recipes", name) if other_data else Path("reports")

    def read(folder: Path, report: dict) -> float:
        row, curve = read_seed(name, folder, report)
        keep(reports, row, curve)
        return row[SHOWN[arguments.split]][0]

    variants = [{**changes, "train.seed": seed} for seed in range(arguments.seeds)]
    with exclusive("recipe"), on_interrupt(RESUME):
        accuracies = run_variants(Path.cwd(), variants, arguments, read, "seed")
        for seed, accuracy in enumerate(accuracies):
            experiment = f"{name}-{seed}"
            run_experiment(experiment, variants[seed])
            print(f"{experiment}: {arguments.split} accuracy {accuracy:.2%}")
            if other_data:
                page = copy_pages(experiment, reports / str(seed))
                print(f"page: {page}; `dvc exp apply {experiment}` replaces the project's data set (commit first)")


if __name__ == "__main__":
    run(main)
