"""One variant of the pipeline in a folder of its own: what is known is fetched, what is not is computed and shared."""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import yaml
from dvc.config import Config
from dvc.exceptions import DvcException
from dvc.repo import Repo

from common.errors import PipelineError
from running import copies, hardware, overrides
from running.shared_runs import RemoteEntries, SharedRuns

TARGET = "evaluate"  # the last stage that a study needs
METRICS = {"train": "reports/train/metrics.json", "evaluate": "reports/evaluate/metrics.json"}


def run(folder: Path, changes: Mapping[str, object], *, share: bool = False) -> dict:
    """Run the pipeline in `folder`, a copy of the project that nobody else uses, up to evaluate; return what it gave.

    share: fetch what is in the default DVC remote, and push what is not. Raises PipelineError when a stage or the
    remote fails.
    """
    overrides.write(folder, changes)
    forget(folder)
    started = time.monotonic()
    with repository(folder, share) as (repo, runs):
        reproduce(repo, TARGET, pull=share, allow_missing=share)
        seconds = time.monotonic() - started
        pushed = runs.push_used()
    return result(folder, changes) | {
        "computed": [stage for stage in METRICS if stage not in runs.restored],
        "pushed": pushed,
        "seconds": round(seconds, 1),
        "runs": {stage: run for stage, run in runs.used.items() if stage in METRICS},
    }


def train_again(folder: Path, changes: Mapping[str, object], *, share: bool = False) -> dict:
    """Train the network in `folder` although its result is known; return the digest of the model, and the machine."""
    overrides.write(folder, changes)
    with repository(folder, share) as (repo, _):
        if share:
            repo.pull(["data/normalized/train", "data/normalized/validation"])
        reproduce(repo, "train", single_item=True, force=True)
    return {"model": outputs(folder)["models/model.keras"], "host": hardware.host(), "hardware": hardware.describe()}


def has_remote(folder: Path) -> bool:
    """Return whether the DVC repository in `folder` has a default remote."""
    return bool(Config(dvc_dir=str(folder / ".dvc"))["core"].get("remote"))


@contextlib.contextmanager
def repository(folder: Path, share: bool):
    """Work in `folder` with its DVC repository and run cache, the `python` of this process first on the PATH."""
    os.environ.update(copies.environment())
    with contextlib.chdir(folder), Repo() as repo:
        repo.stage_cache = SharedRuns(repo, RemoteEntries(repo) if share else None)
        yield repo, repo.stage_cache


def forget(folder: Path) -> None:
    """Keep in the dvc.lock in `folder` only what train and evaluate need: with missing outputs they are not done.

    DVC writes the whole file after every stage; the stages behind them would take it a second of each variant.
    """
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    kept = upstream(lock["stages"], TARGET) - METRICS.keys()
    lock["stages"] = {name: stage for name, stage in lock["stages"].items() if name in kept}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")


def upstream(stages: Mapping[str, dict], name: str) -> set[str]:
    """Return the stages of a dvc.lock whose outputs the stage `name` needs, itself or through others."""
    makers = {out["path"]: stage for stage, entry in stages.items() for out in entry.get("outs", [])}
    paths = {dep["path"] for dep in stages.get(name, {}).get("deps", [])}
    direct = {makers[path] for path in paths & makers.keys()}
    return direct.union(*(upstream(stages, other) for other in direct))


def reproduce(repo: Repo, target: str, **options: object) -> None:
    try:
        repo.reproduce(target, **options)
    except DvcException as error:
        cause = error.__cause__ or error  # "failed to reproduce" says less than its reason
        raise PipelineError(" ".join(str(cause).split())) from None


def result(folder: Path, changes: Mapping[str, object]) -> dict:
    """Return what the stages in `folder` reached, with which parameters and on which machine."""
    return {
        "parameters": dict(changes),
        "metrics": {stage: json.loads((folder / path).read_text(encoding="utf-8")) for stage, path in METRICS.items()},
        "outputs": outputs(folder),
        "host": hardware.host(),
        "hardware": hardware.describe(),
    }


def outputs(folder: Path) -> dict[str, str]:
    """Return the digest, as DVC has it, of each output of train and evaluate."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in METRICS for out in stages[stage]["outs"]}
