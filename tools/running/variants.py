"""Run variants: the pipeline with other parameters, up to `evaluate`, each in a copy of the project.

Finished variants are in DVC's run cache: an interrupted study goes on where it was, and a larger one runs only what is
new.
"""

import argparse
import json
import platform
import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeVar

import yaml
from tqdm import tqdm

from common import interrupts
from common.errors import PipelineError
from running import copies, hardware, lock, overrides, processes
from running.overrides import Overrides

TARGET = "evaluate"
COMPUTED = ("train", "evaluate")  # the stages that take long
RESUME = "before the end; run it again: finished variants are in DVC's cache"  # after an interrupt

Row = TypeVar("Row")
Read = Callable[[Path, dict], Row]  # from the folder of a finished variant, and its report
Ended = Generator[tuple[int, dict, Any], None, None]  # a variant's number, its report, what was read from it


class Where(argparse.Namespace):
    """Options of a command: variants run on this machine or, with a scheduler's address or file, on Dask workers."""

    jobs: int = 1
    pull: bool = False
    scheduler: str | None = None
    workers: int = 1
    verify_workers: bool = False


def parse_options(parser: argparse.ArgumentParser, jobs: int | None = None) -> Where:
    """Return the options of a command, its own and those that say where variants run.

    jobs: the default, one for each core if None. Raises PipelineError for less than one job or worker.
    """
    usual = jobs or "one for each core"
    parser.add_argument("--jobs", type=int, default=jobs, help=f"variants side by side here, {usual} by default")
    parser.add_argument("--pull", action="store_true", help="fetch results from the DVC remote, as `dvc repro` does")
    parser.add_argument("--scheduler", metavar="ADDRESS|FILE", help="run on the workers of this Dask scheduler")
    parser.add_argument("--workers", type=int, default=1, help="with --scheduler: how many workers to wait for")
    parser.add_argument(
        "--verify-workers", action="store_true", help="with --scheduler: let each host train the committed network"
    )
    found = Where(**vars(parser.parse_args()))
    found.jobs = hardware.cores() if found.jobs is None else found.jobs
    if min(found.jobs, found.workers) < 1:
        raise PipelineError("expected at least 1 job and 1 worker")
    return found


def run_variants(project: Path, variants: Sequence[Overrides], where: Where, read: Read[Row], title: str) -> list[Row]:
    """Run all variants; return the results of `read`, in the order of the variants.

    read: called for each variant as soon as it ends, one at a time; the report has its `results`. Raises PipelineError
    when a variant failed, after all others have ended.
    """

    def read_all(folder: Path, report: dict) -> Row:
        return read(folder, report | results(folder))

    overrides.require_valid(project, *variants)
    if where.scheduler:
        from cluster import pool  # Dask, which only this needs

        running = pool.run(project, variants, where, read_all)
    else:
        running = run_here(project, variants, where, read_all)
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
    with (
        TemporaryDirectory(dir=project / ".dvc/tmp") as scratch,
        processes.life_line() as line,
        ThreadPoolExecutor(where.jobs) as threads,
    ):
        snapshot = Path(scratch).resolve() / "project"  # later edits of the project have no effect
        copies.copy(project, snapshot, copies.cache_settings(project))
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


def run(folder: Path, changes: Overrides, line: processes.LifeLine, pull: bool, show: bool) -> dict:
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


def results(folder: Path) -> dict:
    """Return the metrics of a finished variant by stage, and the MD5 of each output of train and evaluate by path."""
    files = {stage: folder / f"reports/{stage}/metrics.json" for stage in COMPUTED}
    stages = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {
        "metrics": {stage: json.loads(path.read_text(encoding="utf-8")) for stage, path in files.items()},
        "outputs": lock.outputs({"stages": {stage: stages[stage] for stage in COMPUTED}}),
    }


def outcome(future: Future) -> tuple[dict, Any]:
    """Return a variant's report and what was read from it; for a failure, a report with `error`."""
    try:
        return future.result()
    except (PipelineError, OSError) as error:
        return {"error": str(error), "host": platform.node()}, None


def require_success(variants: Sequence[Overrides], reports: Mapping[int, dict]) -> None:
    """Raise PipelineError that names each variant that failed, and where."""
    lines = [
        f"{overrides.name(variants[i])}, on {report['host']}: {report['error']}"
        for i, report in sorted(reports.items())
        if "error" in report
    ]
    if lines:
        kept = f"{len(reports) - len(lines)} are finished and kept: the same command goes on from there"
        raise PipelineError("\n  ".join([f"{len(lines)} of {len(variants)} variants failed", *lines, kept]))
