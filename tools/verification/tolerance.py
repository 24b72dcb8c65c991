"""The tolerance for numbers on a machine where equal bytes are not promised: as far as other seeds are from seed 0.

Such a machine may round differently and so train another network, like another seed. Every number of a committed JSON
or CSV file has a tolerance. Tables whose rows are images, or depend on the network, are compared by their means.
"""

import io
import json
from pathlib import PurePosixPath

import pandas as pd

from comparison.revisions import flatten

KINDS = (".json", ".csv")  # the files with numbers
RATE = 0.003  # accuracy and other shares of all images; the errors follow from it
# By a part of `file.column`; the first that fits counts. Seven seeds differ from seed 0 by at most 0.75 of these.
TOLERANCE = {
    "per_digit": 0.02,  # of 1,000 images
    "history": 0.05,  # early epochs
    "ambiguous": 0.5,  # means over few images
    "robustness": 0.4,  # inputs unlike those in training
    "confident_errors": 0.008,  # of some 1,000 images; this and the next two are the reader's
    "confident": 0.1,
    "threshold": 0.02,
    "loss": 0.01,  # nats
    "brier": 0.01,
}


def outside(path: str, committed: bytes, found: bytes, *, exact: bool) -> list[str]:
    """Return a line for each number of a file outside its tolerance; exact: for each that differs at all."""
    try:
        old, new = values(path, committed), values(path, found)
    except ValueError as error:  # of JSON, pandas or UTF-8
        return [f"{path} cannot be read: {' '.join(str(error).split())}"]
    if old.keys() != new.keys():
        return [f"{path} has other columns or rows: {', '.join(sorted(old.keys() ^ new.keys()))}"]
    images = old.get(f"{PurePosixPath(path).stem}.images", 0)
    lines = []
    for name, value in old.items():
        share = next((limit for part, limit in TOLERANCE.items() if part in name), RATE)
        limit = RATE * images if name.endswith(".errors") else share if isinstance(value, float) else 0
        numbers = isinstance(value, int | float) and isinstance(new[name], int | float)
        if value != new[name] and (exact or not numbers or abs(new[name] - value) > limit):
            lines.append(f"{path}: {name} is {new[name]}, committed {value}")
    return lines


def values(path: str, content: bytes) -> dict:
    """Return each value of a JSON or CSV file by name: {"metrics.accuracy": 0.98}; raises ValueError for others."""
    stem = PurePosixPath(path).stem
    if path.endswith(".json"):
        return flatten({stem: json.loads(content)})
    table = pd.read_csv(io.BytesIO(content))
    if {"index", "low"} & {*table.columns}:
        table = means(table)
    return flatten({stem: json.loads(table.to_json(orient="index"))})


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row: the mean of each float column, weighted by `images`, and the share of right predictions."""
    weights = table.get("images", pd.Series(1, table.index))
    row = table.select_dtypes("float").mul(weights, axis=0).sum() / weights.sum()
    if {"actual", "predicted"} <= {*table.columns}:
        row["right"] = (table["actual"] == table["predicted"]).mean()
    return row.to_frame("mean").T
