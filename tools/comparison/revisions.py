"""Read the results of a revision from Git, or from the working tree."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAMLError

from common import params
from common.errors import PipelineError
from common.params import PATH as PARAMS
from comparison import study
from comparison.study import Study
from running.git import git

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
    study: Study | None  # of seeds, for these settings or others
    study_fault: str = ""  # why there is none although its files exist

    @property
    def level(self) -> float:
        """The level of every interval; 1 - level is the chance of a false alarm."""
        return float(self.parameters.get("evaluate.confidence_level", LEVEL))


def find_commit(name: str) -> str:
    """Return the hash of a revision, tag, branch or DVC experiment. Raises PipelineError unless one exists."""
    from dvc.scm import SCM, SCMError, resolve_rev

    try:
        return resolve_rev(SCM(".", search_parent_directories=True), name)
    except SCMError as error:
        raise PipelineError(f"{error}: expected a Git revision or the name of one DVC experiment") from None


def read_revision(name: str, split: str) -> Revision:
    """Read a revision, or the working tree if the name is `workspace`; split: `validation` or `test`.

    Raises PipelineError: not a repository, no such revision, no results there, or results of other parameters.
    """
    if name == WORKSPACE:
        label, subject, commit = "working tree", "the files as they are now", None
    else:
        commit = find_commit(name)
        shown = git("log", "-1", "--no-show-signature", "--format=%h%n%s", commit).decode(errors="replace")
        short, subject = shown.rstrip("\n").split("\n", 1)
        label = short if commit.startswith(name) else f"{name} ({short})"
        subject = "a DVC experiment" if subject.startswith("dvc: commit experiment ") else subject  # then 64 digits

    def read(path: Path) -> bytes | None:
        if commit is None:
            return path.read_bytes() if path.exists() else None
        try:
            return git("show", f"{commit}:./{path.as_posix()}")
        except PipelineError:
            return None

    predictions = read_predictions(read, split, label)
    lock, parameters = read_settings(read, label)
    if commit is None and lock and Path(".dvc").is_dir():
        require_reproduced()
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
    except ValueError as error:  # pandas' own errors and those of decoding are ValueErrors
        raise PipelineError(f"{label}: {path} cannot be read: {' '.join(str(error).split())}") from None
    if not {*COLUMNS} <= {*table.columns} or table.empty:
        found = f"{len(table)} rows of {','.join(table.columns)}"
        raise PipelineError(f"{label}: {path}: expected rows of {','.join(COLUMNS)}, found {found}")
    return table


def read_settings(read: Reader, label: str) -> tuple[dict | None, dict[str, Any]]:
    """Return dvc.lock, if there is one, and the flat parameters. Raises PipelineError if they do not match."""
    parameters = flatten(read_yaml(read, PARAMS, label))
    if not read(LOCK):
        return None, parameters
    lock = read_yaml(read, LOCK, label)
    if read(PIPELINE):  # DVC keeps the entries of stages that dvc.yaml no longer has
        defined = read_yaml(read, PIPELINE, label).get("stages", {})
        lock["stages"] = {name: stage for name, stage in lock.get("stages", {}).items() if name in defined}
    for stage in lock.get("stages", {}).values():
        for key, value in flatten(stage.get("params", {}).get(PARAMS.name, {})).items():
            if parameters.get(key) != value:
                found = f"{key} = {value}, but {PARAMS} has {parameters.get(key)}"
                raise PipelineError(f"{label}: the results there were made with {found}; run `dvc repro`")
    return lock, parameters


def read_yaml(read: Reader, path: Path, label: str) -> dict:
    """Return the mapping in a YAML file. Raises PipelineError without one."""
    try:
        values = params.parse(read(path) or b"")
    except (YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{label}: {path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise PipelineError(f"{label}: {path}: expected a mapping, found {type(values).__name__}")
    return values


def require_reproduced() -> None:
    """Raise PipelineError if code, data or network in the working tree changed after its results were made."""
    from dvc.repo import Repo  # most of a second

    with Repo() as repo:
        status = repo.status(["evaluate"], with_deps=True)
    changes = [change for entries in status.values() for change in entries if isinstance(change, dict)]
    states = [change.get(kind, {}) for change in changes for kind in ("changed deps", "changed outs")]
    if stale := sorted({path for paths in states for path, state in paths.items() if state == "modified"}):
        raise PipelineError(f"working tree: {', '.join(stale)} changed after the results were made; run `dvc repro`")


def flatten(values: dict, prefix: str = "") -> dict[str, Any]:
    """Return {"train.epochs": 10} for {"train": {"epochs": 10}}; a list stays a value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
