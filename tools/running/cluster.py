"""The workers of a Dask scheduler as a pool. Dask is optional: nothing but this file imports it."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cloudpickle
import yaml

from common.errors import PipelineError
from running import payload, worker
from running.variants import Pool, Where

CONNECT = 30  # seconds until the scheduler answers
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ByValue:
    """A function of `worker` that travels with its code: workers have no project to import it from."""

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, *arguments, **options):
        return self.function(*arguments, **options)

    def __reduce__(self) -> tuple:
        cloudpickle.register_pickle_by_value(worker)
        return cloudpickle.loads, (cloudpickle.dumps(self.function),)


@contextmanager
def opened(project: Path, where: Where) -> Iterator[Pool]:
    """Yield the pool of all workers of a scheduler.

    Raises PipelineError when Dask is not installed, the scheduler does not answer or is not safe, or a worker is not
    like this machine.
    """
    try:
        from distributed import Client
    except ImportError:
        raise PipelineError(
            "--scheduler needs Dask: `.venv/bin/python -m pip install --require-hashes -r requirements-cluster.txt`"
        ) from None
    for name in ("distributed", "distributed.client", "tornado.application"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is lost is said below, in one line
    scheduler = where.scheduler or ""
    require_safe(scheduler_address(scheduler))
    files = payload.pack(project)
    push_data(project)
    expected = worker.fingerprint(pinned_packages(project))
    found = {"scheduler_file": scheduler} if Path(scheduler).is_file() else {"address": scheduler}
    try:
        client = Client(**found, timeout=CONNECT, set_as_default=False)
        client.wait_for_workers(where.workers, timeout=CONNECT)
    except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
        raise PipelineError(f"no scheduler or no worker at {scheduler}: {' '.join(str(error).split())[:200]}") from None
    with client:
        try:
            hosts = require_workers(client, expected)
            if where.verify:
                require_committed_network(client, hosts, files, expected, project)
            width = sum(client.nthreads().values())
        except OSError as error:  # Dask's CommClosedError is one
            reason = " ".join(str(error).split())[:200]
            raise PipelineError(f"a worker or the scheduler was lost while it was asked: {reason}; try again") from None
        yield Pool(client.get_executor(pure=False), partial(ByValue(worker.call), files, expected=expected), width)


def push_data(project: Path) -> None:
    """Push the data, which every host fetches once: of the raw data only what a variant of `normalize` needs.

    Raises PipelineError when that fails.
    """
    from dvc.exceptions import DvcException, UploadError
    from dvc.repo import Repo

    try:
        with contextlib.chdir(project), Repo() as repo:
            repo.push(["download", "normalize"])
    except DvcException as error:
        refused = isinstance(error, UploadError)  # of a full disk too, which DVC names in the lines before
        cure = "see above; has the DVC remote room, and may you write to it?" if refused else "run `dvc repro` first"
        raise PipelineError(f"the data cannot be pushed: {' '.join(str(error).split())}; {cure}") from None


def pinned_packages(project: Path) -> list[str]:
    """Return the packages whose versions must be the same on every machine."""
    lines = (project / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]


def scheduler_address(scheduler: str) -> str:
    """Return the address of a scheduler, out of its file if that is what is given."""
    if not Path(scheduler).is_file():
        if ":" not in scheduler:
            raise PipelineError(
                f"{scheduler}: no such file; expected one that `dask scheduler --scheduler-file` wrote, or HOST:PORT"
            )
        return scheduler
    try:
        return json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"]
    except (ValueError, KeyError):
        raise PipelineError(f"{scheduler}: expected a file that `dask scheduler --scheduler-file` wrote") from None


def require_safe(address: str) -> None:
    """Raise PipelineError for an address without TLS off this machine: whoever reaches it can run any command there."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in ("tls", "inproc") and parts.hostname not in LOOPBACK:
        raise PipelineError(
            f"expected a tls:// address for another machine, found {address}; "
            "`python tools/cluster.py certificate FOLDER` makes the certificate (docs/cluster.md)"
        )


def require_workers(client, expected: dict[str, str]) -> dict[str, list[str]]:
    """Return the workers' addresses by host. Raises PipelineError when there is none, or one is not as expected."""
    found = client.run(ByValue(worker.differences), expected)
    if not found:
        raise PipelineError("the scheduler has no workers; start one with `dask worker` (docs/cluster.md)")
    named = {address: info["host"] for address, info in client.scheduler_info(n_workers=-1)["workers"].items()}
    refused = [f"{named.get(a, a)} ({a}): {'; '.join(lines)}" for a, lines in sorted(found.items()) if lines]
    if refused:
        raise PipelineError("\n  ".join(["refused, not like this machine:", *refused]))
    hosts: dict[str, list[str]] = {}
    for address in found:
        hosts.setdefault(named.get(address, address), []).append(address)
    return hosts


def require_committed_network(client, hosts: dict[str, list[str]], files: bytes, expected: dict, project: Path) -> None:
    """Train the network of dvc.lock once on each host. Raises PipelineError that names the hosts with other bytes."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    committed = next(out["md5"] for out in lock["stages"]["train"]["outs"] if out["path"] == "models/model.keras")
    one_each = [addresses[0] for addresses in hosts.values()]
    found = client.run(ByValue(worker.call), files, ["--train-again"], expected, workers=one_each)
    wrong = [
        f"{result['host']}: {result.get('error') or 'model ' + result['model'][:12]}"
        for result in found.values()
        if result.get("model") != committed
    ]
    if wrong:
        raise PipelineError("\n  ".join([f"expected the committed network, {committed[:12]}, found", *wrong]))
    print(f"{', '.join(hosts)}: the committed network, byte for byte")
