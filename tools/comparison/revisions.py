"""What one revision of the project holds for a comparison, read from Git, or from the files of the working tree."""

import io
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from common.errors import PipelineError
from common.params import PATH as PARAMS
from common.params import Loader

WORKSPACE = "workspace"  # DVC's name for the files as they are now
PREDICTIONS = Path("reports/evaluate/predictions.csv")
SEEDS = Path("reports/seeds.csv")
LOCK = Path("dvc.lock")
EXPERIMENT = r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/"  # then its name; the hexadecimal digits are those of its baseline


class Revision(NamedTuple):
    name: str  # as a person reads it
    subject: str  # of the commit
    predictions: pd.DataFrame  # index, actual, predicted, confidence; a row for each test image
    parameters: dict[str, object]  # params.yaml, flat: {"train.epochs": 10}
    seeds: pd.DataFrame | None  # seed, errors and more; a row for each seed

    @property
    def errors(self) -> int:
        return int((self.predictions["actual"] != self.predictions["predicted"]).sum())


def git(*arguments: str) -> bytes:
    """Return what Git prints. Raises PipelineError with Git's first line when it fails."""
    result = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if result.returncode:
        message = result.stderr.decode(errors="replace").strip() or f"exit status {result.returncode}"
        raise PipelineError(f"git {arguments[0]}: {message.splitlines()[0].removeprefix('fatal: ')}")
    return result.stdout


def find_commit(name: str) -> str:
    """Return the hash of a revision, tag, branch or DVC experiment. Raises PipelineError if there is none, or two."""
    try:
        return git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
    except PipelineError:
        refs = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").decode().splitlines()
    found = [ref for ref in refs if re.fullmatch(EXPERIMENT + re.escape(name), ref.split()[0])]
    if len(found) > 1:  # the same name on several baselines: as DVC does, take that of the current commit
        head = git("rev-parse", "HEAD").decode().strip()
        found = [ref for ref in found if ref.startswith(f"refs/exps/{head[:2]}/{head[2:]}/")] or found
    if len(found) > 1:
        raise PipelineError(f"{name}: {len(found)} experiments have this name; give the hash of one of them")
    if not found:
        raise PipelineError(f"{name}: neither a Git revision nor a DVC experiment")
    return found[0].split()[1]


def read_revision(name: str) -> Revision:
    """Read a revision, or the working tree if the name is `workspace`.

    Raises PipelineError: not a repository, no such revision, no results there, or results of other parameters.
    """
    git("rev-parse", "--git-dir")
    if name == WORKSPACE:
        label, subject, commit = "working tree", "the files as they are now", None
    else:
        commit = find_commit(name)
        short, subject = (
            git("log", "-1", "--format=%h%n%s", commit).decode(errors="replace").rstrip("\n").split("\n", 1)
        )
        label = short if commit.startswith(name) else f"{name} ({short})"
        subject = "a DVC experiment" if subject.startswith("dvc: commit experiment ") else subject  # then 64 digits

    def read(path: Path) -> bytes | None:
        if commit is None:
            return path.read_bytes() if path.exists() else None
        try:
            return git("show", f"{commit}:./{path.as_posix()}")
        except PipelineError:
            return None

    contents = {path: read(path) for path in (PARAMS, PREDICTIONS, SEEDS, LOCK)}
    for path in (PREDICTIONS, PARAMS):
        if contents[path] is None:
            raise PipelineError(f"{label}: no {path.as_posix()} there; run `dvc repro` and commit the results")
    parameters = flatten(parse_yaml(contents[PARAMS], PARAMS, label))
    if contents[LOCK]:
        require_current(parameters, parse_yaml(contents[LOCK], LOCK, label), label)
    columns = {"index": int, "actual": int, "predicted": int, "confidence": float}
    predictions = parse_table(contents[PREDICTIONS], columns, PREDICTIONS, label)
    seeds = None
    if contents[SEEDS] is not None:  # empty is not absent: parse_table refuses it in one line
        seeds = parse_table(contents[SEEDS], {"seed": int, "errors": int}, SEEDS, label)
    return Revision(label, subject, predictions, parameters, seeds)


def parse_table(content: bytes, columns: dict[str, type], path: Path, label: str) -> pd.DataFrame:
    """Parse a CSV file that must hold these columns, of these types, and at least one row."""
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=columns)
    except ValueError as error:  # pandas' own errors and those of decoding are ValueErrors
        raise PipelineError(f"{label}: {path.as_posix()} cannot be read: {' '.join(str(error).split())}") from None
    if not {*columns} <= {*table.columns} or table.empty:
        found = f"{len(table)} rows of {','.join(map(str, table.columns))}"
        raise PipelineError(f"{label}: {path.as_posix()}: expected rows of {','.join(columns)}, found {found}")
    return table


def parse_yaml(content: bytes, path: Path, label: str) -> dict:
    """Parse a YAML file that must hold a mapping."""
    try:
        values = yaml.load(content, Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{label}: {path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise PipelineError(f"{label}: {path}: expected a mapping, found {type(values).__name__}")
    return values


def flatten(values: dict, prefix: str = "") -> dict[str, object]:
    """Return {"train.epochs": 10} for {"train": {"epochs": 10}}; a list stays a value."""
    flat = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def require_current(parameters: dict[str, object], lock: dict, label: str) -> None:
    """Raise PipelineError if dvc.lock says that the results were made with other parameters than params.yaml holds."""
    for stage in lock.get("stages", {}).values():
        for key, value in flatten(stage.get("params", {}).get(PARAMS.name, {})).items():
            if parameters.get(key) != value:
                raise PipelineError(
                    f"{label}: the results there were made with {key} = {value}, but {PARAMS} says "
                    f"{parameters.get(key)}; run `dvc repro`"
                )
