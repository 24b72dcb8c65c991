"""The tables that no stage writes: do they agree with the results of the commit that wrote them?

tools/seeds.py writes reports/seeds.csv and seeds.npz, tools/recipe.py writes reports/record.csv and record_curves.csv.
A later commit may change the settings and leave these tables: they are older then, but not false.
"""

import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from common import params
from comparison import study
from comparison.revisions import PREDICTIONS
from running import git, lock

RECORD, CURVES = Path("reports/record.csv"), Path("reports/record_curves.csv")
METRICS = ["reports/train/metrics.json", "reports/evaluate/metrics.json"]

Read = Callable[[Path | str], bytes | None]  # from the path of a file to its content in one commit, if it is there


def find_faults(project: Path, commit: str) -> list[str]:
    """Return a line for each number that disagrees with the results in the commit that last changed its table."""
    found: list[str] = []
    for check, paths in {check_seeds: (study.TABLE, study.SCORES), check_record: (RECORD, CURVES)}.items():
        command = ["log", "-1", "--no-show-signature", "--format=%H", commit, "--", *map(str, paths)]
        writer = git.git(*command, folder=project).decode().strip() or commit
        found += check(partial(git.show, writer, folder=project))
    return found


def table(content: bytes | None) -> pd.DataFrame:
    """Parse a CSV file, or one that is missing as an empty table."""
    return pd.read_csv(io.BytesIO(content)) if content else pd.DataFrame()


def check_seeds(read: Read) -> Iterator[str]:
    """Yield the faults of the study of seeds: rows that their scores contradict, and other results of its seed."""
    content = read(study.TABLE)
    if content is None or b"model" not in content.partition(b"\n")[0]:  # no study, or an older form
        return
    found, fault = study.parse(content, read(study.SCORES))
    if found is None:
        yield fault
        return
    for split, scores in found.scores.items():
        for name, values in zip(study.MEASURES, scores.transpose(1, 0, 2), strict=True):
            column = f"{study.PREFIX[split]}{name}"
            wrong = np.abs(values.mean(axis=1) - found.table[column]) > 1 / study.UNIT
            for seed in found.table["seed"][wrong]:
                yield f"{study.TABLE}: {column} of seed {seed} is not that of {study.SCORES}"
    seed = params.parse(read(params.PATH) or b"{}").get("train", {}).get("seed")
    for position in np.flatnonzero(found.table["seed"] == seed).tolist():
        yield from check_committed(found, position, read)


def check_committed(found: study.Study, position: int, read: Read) -> Iterator[str]:
    """Yield the numbers of the committed seed that differ from dvc.lock, metrics and predictions."""
    row = found.table.iloc[position]
    expected: dict[str, object] = {
        "model": lock.outputs(params.parse(read("dvc.lock") or b"stages: {}")).get(lock.MODEL)
    }
    for metrics in METRICS:
        expected |= json.loads(read(metrics) or b"{}")
    for split, path in PREDICTIONS.items():
        committed = study.score(table(read(path)))
        expected[f"{study.PREFIX[split]}errors"] = int((committed["accuracy"] == 0).sum())
        scores = np.round(np.array([committed[name] for name in study.MEASURES]) * study.UNIT) / study.UNIT
        if not np.array_equal(scores, found.scores[split][position]):
            yield f"{study.SCORES}: seed {row['seed']} has other {split} scores than {path}"
    for name in row.index.intersection([*expected]):
        if row[name] != expected[name]:
            yield f"{study.TABLE}: {name} of seed {row['seed']} is {row[name]}, in the results {expected[name]}"


def check_record(read: Read) -> Iterator[str]:
    """Yield the rows of the recipes' table whose recipe is missing, or that their errors or curve contradict."""
    rows, curves = table(read(RECORD)), table(read(CURVES))
    images = json.loads(read(METRICS[-1]) or b"{}").get("images")
    for _, row in rows.iterrows():
        name = f"{RECORD}: recipe {row['recipe']}, seed {row['seed']}"
        if read(f"recipes/{row['recipe']}.yaml") is None:
            yield f"{name}: there is no such recipe"
        if images and "errors" in row and abs(1 - row["errors"] / images - row["accuracy"]) > 1e-6:
            yield f"{name}: accuracy {row['accuracy']} with {row['errors']} errors in {images} images"
        if len(curves):
            curve = curves[(curves["recipe"] == row["recipe"]) & (curves["seed"] == row["seed"])]
            ends = curve[["epoch", "val_accuracy"]].tail(1).to_numpy().tolist()
            if "val_accuracy" in row and ends != [[row["epochs"], row["val_accuracy"]]]:
                yield f"{name}: its curve in {CURVES} has another end"
