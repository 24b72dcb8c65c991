"""Run variants on the workers of a Dask scheduler. Dask is optional: nothing imports this without `--scheduler`.

DVC stays here: it restores finished variants, prepares the data and records the results. Only the stages that take long
run on a worker, so a worker needs the locked packages and nothing else.
"""

import hashlib
import json
import logging
import re
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

import cloudpickle

from cluster import worker
from cluster.workplace import Workplace
from common.errors import PipelineError
from running import hardware, processes
from running.lock import MODEL
from running.overrides import Overrides
from running.variants import Engine, Read, Where

MOST = 500  # variants that wait for a worker at once
CONNECT = 30  # seconds until the scheduler answers
SAFE = ("tls://", "inproc://")  # over TCP, whoever reaches the port can run commands as you, other users here included


@contextmanager
def on_workers(project: Path, scratch: Path, where: Where, line: processes.LifeLine, read: Read) -> Engine:
    """Run variants on the workers; raises PipelineError without Dask, a safe scheduler, or workers like this host."""
    study, turn = uuid.uuid4().hex, Lock()  # the workplace holds one variant at a time
    data: dict[str, Any] = {}  # on the workers
    pins = re.findall(r"^(\S+)==", (project / "requirements.in").read_text(encoding="utf-8"), re.MULTILINE)
    expected = {name: worker.version(name) for name in ["CPU", "Python", *pins]}

    def compute(stages: Sequence[str], **options: Any) -> Any:
        task = workplace.task(stages)
        if (key := task["data_key"]) not in data:  # sent once; the workers pass it on to each other
            data[key] = client.submit(bytes, workplace.pack(task["data"]), pure=False)
        call = worker.call  # Dask sends a named function without its code, and a lambda with it
        return client.submit(lambda *values: call(*values), study, task, data[key], expected, pure=False, **options)

    def run_one(changes: Overrides) -> tuple[dict, Any]:
        with turn:
            stages = workplace.prepare(changes)
            report = {"parameters": dict(changes), "computed": [*stages], **hardware.machine()}
            if not stages:
                return read(workplace.folder, report)
            future = compute(stages)
        found = outcome(future)
        if "error" in found:
            raise PipelineError(f"on {found['host']}: {found['error']}")
        with turn:
            workplace.record(changes, found.pop("outputs"))
            return read(workplace.folder, report | found)

    def stop() -> None:
        line.cut()
        with suppress(Exception):  # of Dask: there may be no scheduler any more
            client.cancel(list(data.values()))  # and what waits for them
            client.run(worker.stop, study)

    with connected(where) as client:
        hosts = require_workers(client, expected)
        workplace = Workplace(project, scratch, line)
        try:
            if where.verify_workers:
                require_committed_network(workplace, compute, hosts)
            yield run_one, stop
        finally:
            stop()


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


def require_committed_network(workplace: Workplace, compute: Callable[..., Any], hosts: Mapping[str, str]) -> None:
    """Train the network of dvc.lock once on each host. Raises PipelineError that names the hosts with other bytes."""
    if workplace.prepare({}):
        raise PipelineError("--verify-workers compares with the network of dvc.lock: run `dvc repro` first")
    committed = workplace.outputs(["train"])[MODEL]
    futures = [compute(["train"], workers=[address], allow_other_workers=False) for address in hosts.values()]
    wrong = []
    for report in map(outcome, futures):
        digest = hashlib.md5(report.get("outputs", {}).get(MODEL, b""), usedforsecurity=False).hexdigest()
        if digest != committed:
            wrong.append(f"{report['host']}: {report.get('error') or f'model {digest[:12]}'}")
    if wrong:
        raise PipelineError("\n  ".join([f"expected the committed network, {committed[:12]}, found", *wrong]))
    print(f"{', '.join(hosts)}: the committed network, byte for byte")


def outcome(future: Any) -> dict[str, Any]:
    """Return the report of a worker; a failure of Dask is that of its variant."""
    try:
        return future.result()
    except Exception as error:  # KilledWorker, CancelledError ...
        return {"error": f"{type(error).__name__}: {in_short(error)}", "host": "no host, the scheduler gave it up"}


def in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
