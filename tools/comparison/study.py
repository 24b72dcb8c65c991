"""A study of seeds: the scores of several seeds' networks on each image, and the networks they belong to.

Two files, in Git like all results: reports/seeds.csv, a row for each seed, and reports/seeds.npz, the score of each
network on each image: an array for each split, (seeds, measures, images) int16 in thousandths, ordered as MEASURES.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from common.files import atomic_write

TABLE, SCORES = Path("reports/seeds.csv"), Path("reports/seeds.npz")
SPLITS = ["validation", "test"]
MEASURES = ["accuracy", "loss"]
UNIT = 1000  # a loss is at most 16.1, so it fits into 16 bits, and its mean is exact to 0.00002
PREFIX = {"validation": "val_", "test": ""}  # of a split's columns


@dataclass(frozen=True)
class Study:
    table: pd.DataFrame  # seed, errors and more; a row for each seed
    scores: dict[str, np.ndarray]  # of each split: (seeds, measures, images) float64


def score(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each measure of each image, (n,) float64: accuracy, 1 for a right answer, and loss (nats), if known."""
    found = {"accuracy": (predictions["actual"] == predictions["predicted"]).to_numpy(np.float64)}
    if "loss" in predictions:
        found["loss"] = predictions["loss"].to_numpy(np.float64)
    return found


def save(rows: Sequence[dict], predictions: dict[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Write both files and return the table; rows and each split's predictions are in the same order of seeds."""
    arrays = {}
    for split, frames in predictions.items():
        scores = [[score(frame)[name] for name in MEASURES] for frame in frames]
        arrays[split] = np.round(np.array(scores) * UNIT).astype(np.int16)
    table = pd.DataFrame(rows)
    with atomic_write(SCORES) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    with atomic_write(TABLE) as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6f")
    return table


def parse(table: bytes | None, scores: bytes | None) -> tuple[Study | None, str]:
    """Return the study in the two files, or None and a fault; "" without files."""
    if table is None and scores is None:
        return None, ""
    try:
        rows = pd.read_csv(io.BytesIO(table or b""))
        with np.load(io.BytesIO(scores or b"")) as archive:  # older studies hold more measures, behind these
            arrays = {split: archive[split][:, : len(MEASURES)] / UNIT for split in SPLITS}
        for split, values in arrays.items():
            if not np.array_equal((values[:, 0] == 0).sum(axis=1), rows[f"{PREFIX[split]}errors"]):
                raise ValueError("from different runs")
        if len(rows[["seed", "model"]]) < 2:
            raise ValueError("a spread needs two seeds")
    except (ValueError, KeyError, OSError, EOFError, IndexError, BadZipFile) as error:  # ValueError: pandas' too
        return None, f"{TABLE} and {SCORES} are not a study ({' '.join(str(error).split())})"
    return Study(rows, arrays), ""
