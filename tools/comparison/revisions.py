"""Read the results of a revision from Git, or from the working tree."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from common import params
from common.errors import PipelineError
from comparison import study
from running import git
from running import lock as locks

WORKSPACE = "workspace"  # DVC's name for the files as they are now
PREDICTIONS = {
    "validation": Path("reports/evaluate/validation_predictions.csv"),
    "test": Path("reports/evaluate/predictions.csv"),
}
COLUMNS = {"index": int, "actual": int, "predicted": int, "confidence": float}
LOCK, PIPELINE = Path("dvc.lock"), Path("dvc.yaml")
LEVEL = 0.95  # where params.yaml has no evaluate.confidence_level

Reader = Callable[[Path], bytes | None]  # returns a file's content at the revision, or None without one


@dataclass(frozen=True)
class Revision:
    name: str  # short hash, with the given name
    subject: str  # of the commit
    split: str  # validation or test
    predictions: pd.DataFrame  # index, actual, predicted, confidence and, unless older, loss; a row for each image
    parameters: dict[str, Any]  # params.yaml, flat: {"train.epochs": 10}
    lock: dict | None  # dvc.lock
    study: study.Study | None  # of seeds, for these settings or others
    study_fault: str = ""  # why there is none although its files exist

    @property
    def level(self) -> float:
        """The level of every interval; 1 - level is the chance of a false alarm."""
        return float(self.parameters.get("evaluate.confidence_level", LEVEL))


def read_revision(name: str, split: str) -> Revision:
    """Read a revision, or the working tree if it is named `workspace`; split: `validation` or `test`."""
    from dvc.scm import SCM, SCMError, resolve_rev  # half a second

    if name == WORKSPACE:
        label, subject, commit = "working tree", "the files as they are now", None
    else:
        try:
            commit = resolve_rev(SCM(".", search_parent_directories=True), name)
        except SCMError as error:
            raise PipelineError(f"{error}: expected a Git revision or the name of one DVC experiment") from None
        shown = git.git("log", "-1", "--no-show-signature", "--format=%h%n%s", commit).decode(errors="replace")
        short, subject = shown.rstrip("\n").split("\n", 1)
        label = short if commit.startswith(name) else f"{name} ({short})"
        subject = "a DVC experiment" if subject.startswith("dvc: commit experiment ") else subject  # then 64 digits

    def read(path: Path) -> bytes | None:
        if commit:
            return git.show(commit, path)
        return path.read_bytes() if path.exists() else None

    predictions = read_predictions(read, split, label)
    lock, parameters = read_settings(read, label)
    if commit is None and lock and Path(".dvc").is_dir() and (stale := locks.find_stale("evaluate")):
        raise PipelineError(f"{label}: {', '.join(stale)} changed after the results were made; run `dvc repro`")
    seeds, fault = study.parse(read(study.TABLE), read(study.SCORES))
    return Revision(label, subject, split, predictions, parameters, lock, seeds, fault)


def read_predictions(read: Reader, split: str, label: str) -> pd.DataFrame:
    """Return the predictions of a split. Raises PipelineError unless there are rows with the COLUMNS."""
    path, content = PREDICTIONS[split], read(PREDICTIONS[split])
    if content is None:
        other = "; an older revision may have `--split test`" if split != "test" else ""
        raise PipelineError(f"{label}: no {path} there; run `dvc repro` and commit the results{other}")
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=COLUMNS)
        if not {*COLUMNS} <= {*table.columns} or table.empty:
            raise ValueError(f"found {len(table)} rows of {','.join(table.columns)}")
    except ValueError as error:  # pandas' own errors and those of decoding are ValueErrors
        reason = " ".join(str(error).split())
        raise PipelineError(f"{label}: {path}: expected rows of {','.join(COLUMNS)} ({reason})") from None
    return table


def read_settings(read: Reader, label: str) -> tuple[dict | None, dict[str, Any]]:
    """Return dvc.lock, if there is one, and the flat parameters. Raises PipelineError if they do not match."""
    parameters = flatten(params.parse_sections(read(params.PATH) or b"", f"{label}: {params.PATH}"))
    content = read(LOCK)
    lock = locks.parse(content, read(PIPELINE) or b"{}", label) if content else None
    for stage in lock["stages"].values() if lock else ():
        for key, value in flatten(stage.get("params", {}).get(params.PATH.name, {})).items():
            if parameters.get(key) != value:
                found = f"{key} = {value}, but {params.PATH} has {parameters.get(key)}"
                raise PipelineError(f"{label}: the results there were made with {found}; run `dvc repro`")
    return lock, parameters


def flatten(values: dict, prefix: str = "") -> dict[str, Any]:
    """Return {"train.epochs": 10} for {"train": {"epochs": 10}}; a list stays a value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
