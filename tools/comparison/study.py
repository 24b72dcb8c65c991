"""A study of seeds: what the networks of several seeds answered, and which settings they belong to.

Git holds two files, so that two commits of a fresh clone can be compared: reports/seeds.csv, a row for each seed, to
read, and reports/seeds.npz, what each network made of each image. The latter has an array for each split:
(seeds, measures, images) int16, in thousandths, the measures in the order of MEASURES.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from common.files import atomic_write
from running import lock as locks

TABLE, SCORES = Path("reports/seeds.csv"), Path("reports/seeds.npz")
SPLITS = ["validation", "test"]
MEASURES = ["accuracy", "loss", "brier", "overconfidence"]
UNIT = 1000  # of the loss, at most 16.1, this fits into 16 bits, and its mean is right to 0.00002
PREFIX = {"validation": "val_", "test": ""}  # of the columns of a split


@dataclass(frozen=True)
class Study:
    table: pd.DataFrame  # seed, errors and more; a row for each seed
    scores: dict[str, np.ndarray]  # of each split: (seeds, measures, images) float64


def score(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each measure of each image, (n,) float64, as far as the columns are there.

    Accuracy: 1 for a right answer. Loss and Brier score: those of `evaluate`. Overconfidence: the confidence minus 1
    for a right answer, minus 0 for a wrong one, so that its mean is mean confidence minus accuracy: 0 is calibrated.
    """
    right = (predictions["actual"] == predictions["predicted"]).to_numpy(np.float64)
    found = {"accuracy": right}
    found |= {name: predictions[name].to_numpy(np.float64) for name in ("loss", "brier") if name in predictions}
    return found | {"overconfidence": predictions["confidence"].to_numpy(np.float64) - right}


def save(rows: Sequence[dict], predictions: dict[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Write both files; rows and, for each split, predictions are those of the seeds in one order. Return the table."""
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
    """Return the study that two files hold, or None and in a few words why they hold none."""
    if table is None and scores is None:
        return None, ""
    if table is None or scores is None:
        return None, f"{SCORES if scores is None else TABLE} is missing"
    try:
        rows = pd.read_csv(io.BytesIO(table))
        with np.load(io.BytesIO(scores)) as archive:
            arrays = {split: archive[split] / UNIT for split in SPLITS}
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:  # pandas' own errors are ValueErrors
        return None, f"it cannot be read ({' '.join(str(error).split())})"
    if missing := {"seed", "val_errors", "errors", "settings", "model"} - {*rows.columns}:
        return None, f"{TABLE} lacks the columns {', '.join(sorted(missing))}"
    if len(rows) < 2:
        return None, f"{TABLE} has {len(rows)} rows, a spread needs two"
    for split, values in arrays.items():
        wrong = (values[:, 0] == 0).sum(axis=1) if values.ndim == 3 else None
        if wrong is None or not np.array_equal(wrong, rows[f"{PREFIX[split]}errors"]):
            return None, f"{TABLE} and {SCORES} are not of one run"
    return Study(rows, arrays), ""


def belongs(study: Study, lock: dict | None, seed: object) -> bool:
    """Say whether a study is of the settings that a dvc.lock was made with.

    Either the digest of the settings is the same, or the study trained the very network of the revision: code may
    change without any result, and that does not age a study.
    """
    if lock is None:
        return False
    table = study.table
    if (table["settings"] == locks.settings(lock)).all():
        return True
    own = table.loc[table["seed"] == seed, "model"]
    return len(own) == 1 and own.iloc[0] == locks.outputs(lock).get(locks.MODEL)
