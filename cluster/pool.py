"""Run variants on the workers of a Dask scheduler. Dask is optional: nothing imports this without `--scheduler`.

DVC stays here: it restores finished variants, prepares the data and records the results. Only the stages that take long
run on a worker, so a worker needs the locked packages and nothing else.
"""

import hashlib
import json
import logging
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cloudpickle

from cluster import payload, worker
from cluster.workplace import Workplace
from common import interrupts
from common.errors import PipelineError
from running import processes
from running.lock import MODEL
from running.overrides import Overrides
from running.variants import Ended, Read, Where

CONNECT = 30  # seconds until the scheduler answers
SAFE = ("tls://", "inproc://")  # over TCP, whoever reaches the port can run commands as you, other users here included


def run(project: Path, variants: Sequence[Overrides], where: Where, read: Read) -> Ended:
    """Run variants on the workers. When interrupted, kill those that run there.

    Raises PipelineError when Dask is missing, the scheduler is unsafe or does not answer, or a worker is unlike this
    machine.
    """
    study, data = uuid.uuid4().hex, {}
    expected = {name: worker.version(name) for name in ["CPU", "Python", *pinned_packages(project)]}
    with (
        connected(where) as client,
        TemporaryDirectory(dir=project / ".dvc/tmp") as scratch,
        processes.life_line() as line,
    ):
        hosts = require_workers(client, expected)
        workplace = Workplace(project, Path(scratch).resolve(), line)
        executor = client.get_executor(pure=False)

        def submit(stages: Sequence[str], **options: Any) -> Future:
            task = payload.task(workplace.folder, workplace.tracked, stages)
            if (key := task["data_key"]) not in data:  # sent once; the workers pass it on to each other
                data[key] = client.submit(bytes, payload.pack(workplace.folder, task["data"]), pure=False)
            call = worker.call  # Dask sends a named function without its code, and a lambda with it
            return executor.submit(lambda *values: call(*values), study, task, data[key], expected, **options)

        try:
            if where.verify_workers:
                require_committed_network(workplace, submit, hosts)
            futures = {}
            for number, changes in enumerate(variants):
                if stages := workplace.prepare(changes):
                    futures[submit(stages)] = number, stages
                else:
                    report = {"parameters": dict(changes), "computed": [], **worker.machine()}
                    yield number, report, read(workplace.folder, report)
            for future in as_completed(futures):
                number, stages = futures[future]
                report, row = outcome(future), None
                report |= {"parameters": dict(variants[number]), "computed": [*stages]}
                if "error" not in report:
                    workplace.record(variants[number], report.pop("outputs"))
                    row = read(workplace.folder, report)
                yield number, report, row
        except BaseException:
            interrupts.on_signals(lambda number, frame: None)  # cleaning up takes a second
            client.cancel(list(data.values()))
            with suppress(Exception):  # of Dask: there may be no scheduler any more
                client.run(worker.stop, study)
            raise


@contextmanager
def connected(where: Where) -> Iterator[Any]:
    """Yield a client of the scheduler, as soon as it has workers. Raises PipelineError as `run` does."""
    try:
        from distributed import Client
    except ImportError:
        raise PipelineError(
            "--scheduler needs Dask: `.venv/bin/python -m pip install --require-hashes -r requirements-cluster.txt`"
        ) from None
    for module in worker.BY_VALUE:  # workers do not have the project
        cloudpickle.register_pickle_by_value(module)
    for name in ("distributed", "distributed.client", "tornado.application"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a lost connection is reported below, in one line
    warnings.filterwarnings("ignore", "Sending large graph")
    address = scheduler_address(where.scheduler or "")
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
        client.wait_for_workers(where.workers, timeout=CONNECT)
    except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
        raise PipelineError(f"no scheduler or no worker at {address}: {in_short(error)}") from None
    with client:
        yield client


def scheduler_address(scheduler: str) -> str:
    """Return the address of a scheduler, given that or its file. Raises PipelineError if it is unsafe."""
    address = scheduler
    with suppress(OSError, ValueError, KeyError):  # not a scheduler's file
        address = json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"]
    if not address.startswith(SAFE):
        raise PipelineError(
            f"expected a file that `dask scheduler --scheduler-file` wrote, or an address like tls://HOST:8786, found "
            f"{address}; `python cluster/certificate.py FOLDER` makes the certificate (cluster/README.md)"
        )
    return address


def pinned_packages(project: Path) -> list[str]:
    """Return the packages whose versions must be the same on every machine."""
    lines = (project / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]


def require_workers(client: Any, expected: Mapping[str, str]) -> dict[str, str]:
    """Return the address of a worker on each host. Raises PipelineError when a worker is not as expected."""
    try:
        found = client.run(worker.compare, expected)
    except OSError as error:  # Dask's CommClosedError is one
        raise PipelineError(f"a worker or the scheduler was lost: {in_short(error)}; try again") from None
    refused = [f"{host} ({address}): {lines}" for address, (host, lines) in sorted(found.items()) if lines]
    if refused:
        raise PipelineError("\n  ".join(["refused, not like this machine:", *refused]))
    return {host: address for address, (host, _) in found.items()}


def require_committed_network(workplace: Workplace, submit: Callable[..., Future], hosts: Mapping[str, str]) -> None:
    """Train the network of dvc.lock once on each host. Raises PipelineError that names the hosts with other bytes."""
    if workplace.prepare({}):
        raise PipelineError("--verify-workers compares with the network of dvc.lock: run `dvc repro` first")
    (entry,) = payload.entries(workplace.folder, ["train"])
    committed = next(out["md5"] for out in entry["outs"] if out["path"] == MODEL)
    futures = [submit(["train"], workers=[address], allow_other_workers=False) for address in hosts.values()]
    wrong = []
    for report in map(outcome, futures):
        digest = hashlib.md5(report.get("outputs", {}).get(MODEL, b""), usedforsecurity=False).hexdigest()
        if digest != committed:
            wrong.append(f"{report['host']}: {report.get('error') or f'model {digest[:12]}'}")
    if wrong:
        raise PipelineError("\n  ".join([f"expected the committed network, {committed[:12]}, found", *wrong]))
    print(f"{', '.join(hosts)}: the committed network, byte for byte")


def outcome(future: Future) -> dict[str, Any]:
    """Return the report of a worker; an engine's own failure is that of its variant."""
    try:
        return future.result()
    except Exception as error:  # KilledWorker, CancelledError ...
        return {"error": f"{type(error).__name__}: {in_short(error)}", "host": "no host, the scheduler gave it up"}


def in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
