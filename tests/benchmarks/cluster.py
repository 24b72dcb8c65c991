"""What Dask costs and gains: `python tests/benchmarks/cluster.py [--epochs N] [--seeds N]`, after `make`.

Trains new seeds of the project, on real MNIST, in three ways: `run_variant.py` alone, one after the other; `seeds.py`
with one and two processes on this machine; and with one and two Dask workers. Prints seconds per variant, and how much
two are faster than one. All workers are on this machine and share its cores: a training takes all of them, so two
workers gain only what one leaves idle. Workers on machines of their own would gain more; none were measured.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies
from running.git import git

ENVIRONMENT = {**copies.environment(), "MNIST_MIRROR": str(PROJECT / "data/raw")}  # no network is measured
START = 60  # seconds for the scheduler to begin


@contextlib.contextmanager
def cluster(scratch: Path, workers: int) -> Iterator[list[str]]:
    """Start a scheduler and workers; yield the options of `seeds.py` that use them."""
    file = scratch / "scheduler.json"
    environment = {**ENVIRONMENT, "MNIST_DVC_CACHE": str(scratch / "workers")}
    worker = ["worker", f"--scheduler-file={file}", "--nthreads=1", "--memory-limit=0", "--no-nanny"]
    with contextlib.ExitStack() as stack:

        def start(*arguments: str) -> None:
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            process = subprocess.Popen(command, env=environment, cwd=scratch, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        start("scheduler", "--host=127.0.0.1", "--port=0", f"--scheduler-file={file}")
        for _ in range(START * 10):
            if file.exists():
                break
            sleep(0.1)
        for _ in range(workers):
            start(*worker)
        yield ["--scheduler", str(file), "--workers", str(workers)]


@contextlib.contextmanager
def project(epochs: int, seeds: int) -> Iterator[Path]:
    """Yield a finished copy of the project with a cache and a remote of its own, which know none of the seeds."""
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        copy = copies.copy(PROJECT, scratch / "project")  # without the cache of the project: nothing is known
        copies.set_param(copy, "train", "epochs", epochs)
        copies.set_param(copy, "train", "seed", seeds)  # the study has 0 to seeds - 1
        git("init", "--quiet", folder=copy)
        git("add", "--all", folder=copy)
        run(["dvc", "remote", "add", "--default", "shared", str(scratch / "remote")], copy, **ENVIRONMENT)
        run(["dvc", "repro", "evaluate", "--force"], copy, **ENVIRONMENT)
        yield copy


def seconds_alone(epochs: int, seeds: int) -> float:
    """Return the seconds per variant of `run_variant.py`, one after the other."""
    with project(epochs, seeds) as copy:
        command = [sys.executable, "tools/run_variant.py", "--set"]
        return sum(run([*command, f"train.seed={seed}"], copy, **ENVIRONMENT) for seed in range(seeds)) / seeds


def seconds_of_study(epochs: int, seeds: int, number: int, dask: bool) -> float:
    """Return the seconds per variant of `seeds.py`, with `number` workers or processes. Its start counts as well."""
    with project(epochs, seeds) as copy, contextlib.ExitStack() as stack:
        options = stack.enter_context(cluster(copy.parent, number)) if dask else ["--jobs", str(number)]
        start = perf_counter()
        run([sys.executable, "tools/seeds.py", str(seeds), *options], copy, **ENVIRONMENT)
        return (perf_counter() - start) / seeds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=2, help="of each training, 2 by default")
    parser.add_argument("--seeds", type=int, default=6, help="variants in each study, 2 at least, 6 by default")
    arguments = parser.parse_args()
    epochs, seeds = arguments.epochs, arguments.seeds
    alone = seconds_alone(epochs, seeds)
    here, dask = ([seconds_of_study(epochs, seeds, n, engine) for n in (1, 2)] for engine in (False, True))

    print(f"{machine()}; {seeds} seeds of {epochs} epochs; a training takes all cores, and two share them")
    names = ["one process", "two processes", "one Dask worker", "two Dask workers"]
    print_table(
        "Seconds per variant, the start of the study included",
        ["", "seconds", "beyond run_variant.py alone", "times as fast as one"],
        [
            ("run_variant.py alone", alone, "", ""),
            *(
                (name, seconds, seconds - alone, one / seconds)
                for name, seconds, one in zip(names, [*here, *dask], [here[0], here[0], dask[0], dask[0]], strict=True)
            ),
        ],
    )
    print(
        f"\nDask beside the processes of this machine: {dask[0] - here[0]:+.2f} s a variant with one worker, "
        f"{dask[1] - here[1]:+.2f} s with two"
    )


if __name__ == "__main__":
    main()
