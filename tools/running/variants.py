"""Run many variants of the project side by side: the same results, whoever computes them, in whatever order they end.

What is finished is in DVC's run cache, here or in the remote: a study that was killed goes on where it was, and a
larger one runs only what is new.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self, TypeVar

from tqdm import tqdm

from common.errors import PipelineError
from running import copies, hardware, overrides, worker
from running.overrides import Overrides

Row = TypeVar("Row")
FILES = [  # of a finished variant, for whoever reads it: all but the network
    "dvc.lock",
    "params.yaml",
    "reports/train/history.csv",
    "reports/train/metrics.json",
    "reports/evaluate/metrics.json",
    "reports/evaluate/predictions.csv",
    "reports/evaluate/validation_predictions.csv",
]


class Pool(NamedTuple):
    """An executor of variants: `run` takes the arguments of `run_variant` and returns its result, or its error."""

    executor: Executor
    run: Callable[[list[str]], dict]
    width: int  # variants at once


class Where(NamedTuple):
    """Who runs the variants: `jobs` at once on this machine or, with a scheduler, its address or file, Dask workers.

    verify: one worker of each host trains the committed network first. workers: how many to wait for.
    """

    jobs: int
    scheduler: str | None = None
    verify: bool = False
    workers: int = 1
    options: tuple[str, ...] = ()  # of `run_variant`, for all of them

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Give a command the options that say who runs its variants."""
        parser.add_argument(
            "--jobs", type=int, default=hardware.cores(), help="variants side by side here, one a core by default"
        )
        parser.add_argument("--no-remote", action="store_true", help="do not share results through the DVC remote")
        Where.add_scheduler(parser)

    @staticmethod
    def add_scheduler(parser: argparse.ArgumentParser) -> None:
        """Give a command the options for Dask workers."""
        parser.add_argument("--scheduler", metavar="ADDRESS|FILE", help="run on the workers of this Dask scheduler")
        parser.add_argument("--workers", type=int, default=1, help="with --scheduler: how many workers to wait for")
        parser.add_argument(
            "--verify-workers", action="store_true", help="with --scheduler: let each host train the committed network"
        )

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Raises PipelineError when there is nobody to run anything."""
        jobs = getattr(arguments, "jobs", 1)
        if jobs < 1 or arguments.workers < 1:
            raise PipelineError("expected at least 1 job and 1 worker")
        if (alone := getattr(arguments, "no_remote", False)) and arguments.scheduler:
            raise PipelineError("--no-remote: workers share their results through the remote")
        options = ("--no-remote",) if alone else ()
        return cls(jobs, arguments.scheduler, arguments.verify_workers, arguments.workers, options)


def run_variants(
    project: Path, variants: Sequence[Overrides], where: Where, read: Callable[[Path, dict], Row], title: str
) -> list[Row]:
    """Run all variants up to evaluate; return what `read` makes of each, in their order.

    read: gets a folder with FILES of a finished variant, and its result as `run_variant` prints it. Raises
    PipelineError when a variant failed, after all others have ended: the same command goes on from there.
    """
    overrides.require_valid(project, *variants)
    copies.repro(project, "evaluate", quiet=False)  # the data is in the cache then, and a fault shows at once
    results: dict[int, dict] = {}
    with opened(project, where) as pool, tqdm(total=len(variants), unit=title, desc=title, disable=None) as bar:
        futures = {
            pool.executor.submit(pool.run, [*where.options, *as_arguments(changes)]): i
            for i, changes in enumerate(variants)
        }
        try:
            for future in as_completed(futures):
                results[futures[future]] = outcome(future)
                show(bar, results.values(), len(variants), pool.width)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    require_success(variants, results)
    require_agreement(results.values())
    return [read_files(results[i], read) for i in range(len(variants))]


@contextmanager
def opened(project: Path, where: Where) -> Iterator[Pool]:
    """Yield the pool of this machine, or that of a scheduler."""
    if where.scheduler is None:
        cache = copies.cache_settings(project)
        with TemporaryDirectory(dir=project / ".dvc/tmp") as scratch, ThreadPoolExecutor(where.jobs) as threads:

            def run_here(arguments: list[str]) -> dict:
                with TemporaryDirectory(dir=Path(scratch).resolve()) as folder:
                    return worker.start(copies.copy(project, Path(folder), cache), arguments)

            yield Pool(threads, run_here, where.jobs)
    else:
        from running import cluster  # Dask, which only this needs

        with cluster.opened(project, where) as pool:
            yield pool


def as_arguments(changes: Mapping[str, object]) -> list[str]:
    """Return the changes as a command line of `run_variant` has them; JSON is YAML."""
    return [f"--file={path}" for path in FILES] + [f"--set={key}={json.dumps(value)}" for key, value in changes.items()]


def outcome(future: Future) -> dict:
    """Return what a variant gave; the failure of an engine is that of its variant."""
    try:
        return future.result()
    except PipelineError as error:
        return {"error": str(error), "host": hardware.host()}
    except Exception as error:  # an engine's own: KilledWorker, CancelledError ...
        reason = " ".join(str(error).split())[:200]
        return {"error": f"{type(error).__name__}: {reason}", "host": "no host, the scheduler gave it up"}


def show(bar: tqdm, results: Iterable[dict], total: int, width: int) -> None:
    """Count how many variants run, were restored, and failed."""
    ended = list(results)
    failed = sum("error" in result for result in ended)
    restored = sum(not result.get("computed", True) for result in ended)
    bar.update()
    bar.set_postfix(running=min(width, total - len(ended)), restored=restored, failed=failed)


def require_success(variants: Sequence[Overrides], results: Mapping[int, dict]) -> None:
    """Raise PipelineError that names each variant that failed, and where."""
    failed = {i: result for i, result in sorted(results.items()) if "error" in result}
    if failed:
        lines = [f"{overrides.name(variants[i])}, on {end['host']}: {end['error']}" for i, end in failed.items()]
        kept = f"{len(results) - len(failed)} are finished and kept: the same command goes on from there"
        raise PipelineError("\n  ".join([f"{len(failed)} of {len(variants)} variants failed", *lines, kept]))


def require_agreement(results: Iterable[dict]) -> None:
    """Raise PipelineError when two machines have computed different results of the same inputs."""
    known: dict[str, tuple[str, str]] = {}
    for result in results:
        for stage, (key, value) in result["runs"].items():
            other, host = known.setdefault(key, (value, result["host"]))
            if other != value:
                raise PipelineError(
                    f"{stage}: {host} and {result['host']} have different results of the same inputs; "
                    "`--verify-workers` tells which of them has the committed bytes"
                )


def read_files(result: dict, read: Callable[[Path, dict], Row]) -> Row:
    """Call `read` with a folder that holds the files of a result, and the rest of it."""
    files = result.pop("files")
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(content, encoding="utf-8", newline="")
        return read(Path(folder), result)
