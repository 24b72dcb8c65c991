"""Run variants: the pipeline with other parameters, up to `evaluate`, each in a copy of the project.

Finished variants are in DVC's run cache: an interrupted study goes on where it was, a larger one runs only new ones.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
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
RunOne = Callable[[Overrides], tuple[dict, Any]]  # returns a variant's report and the result of `Read`
Engine = Iterator[tuple[RunOne, Callable[[], object]]]  # and a function that stops those that run


class Where(argparse.Namespace):
    """Options of a command: variants run on this machine or, with a scheduler's address or file, on Dask workers."""

    jobs: int = 1
    pull: bool = False
    scheduler: str | None = None
    workers: int = 1
    verify_workers: bool = False


def parse_options(parser: argparse.ArgumentParser, jobs: int | None = None) -> Where:
    """Add the options that say where variants run, and parse all; jobs: the default, None for one on each core."""
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
    that names the variants that failed, after all others have ended.
    """
    engine, side_by_side, turn = here, where.jobs, Lock()
    if where.scheduler:
        from cluster import pool  # Dask, which only this needs

        engine, side_by_side = pool.on_workers, pool.MOST

    def read_one(folder: Path, report: dict) -> tuple[dict, Row]:
        with turn:
            return report, read(folder, report | results(folder))

    overrides.require_valid(project, *variants)
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    rows: dict[int, Row] = {}
    failures: list[str] = []
    restored = 0
    with (
        TemporaryDirectory(dir=project / ".dvc/tmp") as scratch,
        processes.life_line() as line,
        engine(project, Path(scratch).resolve(), where, line, read_one) as (run_one, stop),
        ThreadPoolExecutor(side_by_side) as threads,
        tqdm(total=len(variants), unit=title, desc=title, disable=None) as bar,
    ):
        try:
            futures = {threads.submit(run_one, changes): number for number, changes in enumerate(variants)}
            while futures:  # short waits: they do not end when another thread has received a signal
                for future in wait(futures, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    number = futures.pop(future)
                    try:
                        report, rows[number] = future.result()
                        restored += not report["computed"]
                    except (PipelineError, OSError) as error:
                        failures.append(f"{overrides.name(variants[number])}: {error}")
                    bar.update()
                    bar.set_postfix(restored=restored, failed=len(failures))
        except BaseException:
            interrupts.on_signals(lambda number, frame: None)  # cleaning up takes a second
            raise
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            stop()
    if failures:
        kept = f"{len(rows)} are finished and kept: the same command goes on from there"
        raise PipelineError(
            "\n  ".join([f"{len(failures)} of {len(variants)} variants failed", *sorted(failures), kept])
        )
    return [rows[number] for number in range(len(variants))]


@contextmanager
def here(project: Path, scratch: Path, where: Where, line: processes.LifeLine, read: Read) -> Engine:
    """Run variants on this machine, in copies of the project as it is now."""
    snapshot = copies.copy(project, scratch / "project", share_cache=True)
    command = [*copies.DVC, "repro", *(["--pull"] if where.pull else []), TARGET]

    def run_one(changes: Overrides) -> tuple[dict, Any]:
        with TemporaryDirectory(dir=scratch) as name:
            folder = Path(shutil.copytree(snapshot, name, symlinks=True, dirs_exist_ok=True))
            overrides.write(folder, changes)
            started = time.monotonic()
            own = {**copies.environment(), "DVC_SITE_CACHE_DIR": str(folder / ".dvc/site")}
            status, lines = processes.run(command, folder, line, own, show=where.jobs == 1)
            if status:
                raise PipelineError(" / ".join(lines[-2:]) or f"dvc repro: exit status {status}")
            computed = [stage for stage in COMPUTED if f"Running stage '{stage}':" in lines]
            seconds = round(time.monotonic() - started, 1)
            report = {"parameters": dict(changes), "computed": computed, "seconds": seconds, **hardware.machine()}
            return read(folder, report)

    yield run_one, line.cut


def results(folder: Path) -> dict:
    """Return the metrics of a finished variant by stage, and the MD5 of each output of train and evaluate by path."""
    files = {stage: folder / f"reports/{stage}/metrics.json" for stage in COMPUTED}
    stages = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {
        "metrics": {stage: json.loads(path.read_text(encoding="utf-8")) for stage, path in files.items()},
        "outputs": lock.outputs({"stages": {stage: stages[stage] for stage in COMPUTED}}),
    }
