"""Run variants: the pipeline with other parameters, up to `evaluate`, each in a copy of the project.

Finished variants are in DVC's run cache: an interrupted study goes on where it was, and a larger one runs only what is
new.
"""

import argparse
import platform
import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, NamedTuple, Self, TypeVar

import yaml
from tqdm import tqdm

from common import interrupts
from common.errors import PipelineError
from running import copies, hardware, lock, overrides, processes
from running.overrides import Overrides

TARGET = "evaluate"
COMPUTED = ("train", "evaluate")  # the stages that take long

Row = TypeVar("Row")
Read = Callable[[Path, dict], Row]  # the folder of a finished variant, and its report
Ended = Generator[tuple[int, dict, Any], None, None]  # a variant's number, its report, what was read from it


class Where(NamedTuple):
    """Where variants run: `jobs` at once on this machine or, with the address or file of a scheduler, on Dask workers.

    pull: also look for results in the DVC remote. workers: how many to wait for. verify: each of their hosts must first
    train the committed network.
    """

    jobs: int = 1
    pull: bool = False
    scheduler: str | None = None
    workers: int = 1
    verify: bool = False

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser, jobs: int) -> None:
        """Give a command the options for it."""
        parser.add_argument("--jobs", type=int, default=jobs, help=f"variants side by side here, {jobs} by default")
        parser.add_argument(
            "--pull", action="store_true", help="fetch results from the DVC remote, as `dvc repro` does"
        )
        parser.add_argument("--scheduler", metavar="ADDRESS|FILE", help="run on the workers of this Dask scheduler")
        parser.add_argument("--workers", type=int, default=1, help="with --scheduler: how many workers to wait for")
        parser.add_argument(
            "--verify-workers", action="store_true", help="with --scheduler: let each host train the committed network"
        )

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Raises PipelineError for less than one job or worker."""
        if arguments.jobs < 1 or arguments.workers < 1:
            raise PipelineError("expected at least 1 job and 1 worker")
        return cls(arguments.jobs, arguments.pull, arguments.scheduler, arguments.workers, arguments.verify_workers)


def run_variants(project: Path, variants: Sequence[Overrides], where: Where, read: Read[Row], title: str) -> list[Row]:
    """Run all variants; return the results of `read`, in the order of the variants.

    read: called for each variant as soon as it ends, one at a time. Raises PipelineError when a variant failed, after
    all others have ended.
    """
    overrides.require_valid(project, *variants)
    if where.scheduler:
        from cluster import pool  # Dask, which only this needs

        running = pool.run(project, variants, where, read)
    else:
        running = run_here(project, variants, where, read)
    reports: dict[int, dict] = {}
    rows: dict[int, Row] = {}
    with closing(running), tqdm(total=len(variants), unit=title, desc=title, disable=None) as bar:
        for number, report, row in running:
            reports[number], rows[number] = report, row
            restored = sum(not each.get("computed", True) for each in reports.values())
            failed = sum("error" in each for each in reports.values())
            bar.update()
            bar.set_postfix(restored=restored, failed=failed)
    require_success(variants, reports)
    return [rows[number] for number in range(len(variants))]


def run_here(project: Path, variants: Sequence[Overrides], where: Where, read: Read) -> Ended:
    """Run variants on this machine. When interrupted, kill those that run and remove their copies."""
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    cache = copies.cache_settings(project)
    with (
        TemporaryDirectory(dir=project / ".dvc/tmp") as scratch,
        processes.life_line() as line,
        ThreadPoolExecutor(where.jobs) as threads,
    ):
        snapshot = copies.copy(project, Path(scratch).resolve() / "project", cache)  # later edits have no effect
        reading = Lock()

        def run_one(number: int, changes: Overrides) -> tuple[dict, Any]:
            folder = snapshot.with_name(str(number))
            shutil.copytree(snapshot, folder, symlinks=True)
            try:
                report = run(folder, changes, line, pull=where.pull, show=where.jobs == 1)
                with reading:
                    return report, read(folder, report)
            finally:
                shutil.rmtree(folder)

        futures = {threads.submit(run_one, i, changes): i for i, changes in enumerate(variants)}
        try:
            for future in as_completed(futures):
                yield (futures[future], *outcome(future))
        except BaseException:
            interrupts.on_signals(lambda number, frame: None)  # cleaning up takes a second
            raise
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            line.cut()


def run(folder: Path, changes: Overrides, line: processes.LifeLine, pull: bool = False, show: bool = False) -> dict:
    """Run a variant in `folder`, a copy of the project; return a report on it.

    Raises PipelineError when a stage fails.
    """
    overrides.write(folder, changes)
    started = time.monotonic()
    command = [*copies.DVC, "repro", *(["--pull"] if pull else []), TARGET]
    environment = {**copies.environment(), "DVC_SITE_CACHE_DIR": str(folder / ".dvc/site")}
    status, lines = processes.run(command, folder, line, environment, show)
    if status:
        raise PipelineError(" / ".join(lines[-2:]) or f"dvc repro: exit status {status}")
    return {
        "parameters": dict(changes),
        "computed": [stage for stage in COMPUTED if f"Running stage '{stage}':" in lines],
        "seconds": round(time.monotonic() - started, 1),
        "host": platform.node(),
        "hardware": hardware.describe(),
    }


def outputs(folder: Path) -> dict[str, str | None]:
    """Return the MD5 of each output of train and evaluate, from the dvc.lock in `folder`."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return lock.outputs({"stages": {name: stages[name] for name in COMPUTED}})


def outcome(future: Future) -> tuple[dict, Any]:
    """Return a variant's report and what was read of it; for a failure, a report with `error`."""
    try:
        return future.result()
    except (PipelineError, OSError) as error:
        return {"error": str(error), "host": platform.node()}, None


def require_success(variants: Sequence[Overrides], reports: Mapping[int, dict]) -> None:
    """Raise PipelineError that names each variant that failed, and where."""
    failed = {number: report for number, report in sorted(reports.items()) if "error" in report}
    if failed:
        lines = [
            f"{overrides.name(variants[i])}, on {report['host']}: {report['error']}" for i, report in failed.items()
        ]
        kept = f"{len(reports) - len(failed)} are finished and kept: the same command goes on from there"
        raise PipelineError("\n  ".join([f"{len(failed)} of {len(variants)} variants failed", *lines, kept]))
