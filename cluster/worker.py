"""The work of a Dask worker for one variant: run its stages in a scratch folder and return their outputs.

These functions travel to the worker with their code and the modules of BY_VALUE: a worker has the locked packages, not
the project. A failure is returned as a dict too, because an exception of the project's own class would not travel.
"""

import io
import os
import platform
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from network import platform_support
from running import hardware, processes

BY_VALUE = (platform_support, hardware, processes, sys.modules[__name__])
# Set by Dask's nanny; the stages decide for themselves how many threads they take.
NANNY = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"]


def version(name: str) -> str:
    """Return this machine's kind of `CPU`, the version of its `Python`, or that of a package."""
    if name == "CPU":
        return f"{platform.machine()} {platform_support.unsupported_reason()}".strip()
    if name == "Python":
        return ".".join(platform.python_version_tuple()[:2])
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def compare(expected: Mapping[str, str]) -> tuple[str, str]:
    """Return the host, and how it differs from the expected versions, in one line."""
    found = [(name, value, version(name)) for name, value in expected.items()]
    lines = [f"{name}: expected {value}, found {own}" for name, value, own in found if own != value]
    return platform.node(), "; ".join(lines)


def call(study: str, task: dict, data: bytes, expected: Mapping[str, str]) -> dict:
    """Run the stages of a `Workplace.task`; return a report with the content of each output, or with an error."""
    if differences := compare(expected)[1]:  # a worker that joined late
        return failure(f"refused, not like the machine that started the study: {differences}")
    from distributed import get_worker

    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="variant-") as scratch, processes.life_line() as line:
            life_lines(get_worker(), study).append(line)
            folder = Path(scratch)
            unpack(task["code"], folder)
            kept = keep(data, task["data_key"])
            for path in task["data"]:  # the stages only read it
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).symlink_to(kept / path)
            for command in task["commands"]:
                status, printed = processes.run(["sh", "-c", command], folder, line, environment())
                if status:
                    return failure(" / ".join(printed[-2:]) or f"{command}: exit status {status}")
            outputs = {path: (folder / path).read_bytes() for path in task["outputs"]}
    except OSError as error:
        return failure(f"{error.strerror or error}")
    return {"outputs": outputs, "seconds": round(time.monotonic() - started, 1), **hardware.machine()}


def failure(reason: str) -> dict:
    return {"error": reason, "host": platform.node()}


def environment() -> dict[str, str]:
    """Return the environment of the stages, with the worker's `python` first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**{name: value for name, value in os.environ.items() if name not in NANNY}, "PATH": path}


def life_lines(dask_worker: Any, study: str) -> list[processes.LifeLine]:
    """Return the life lines of the variants of a study; the worker keeps them between calls."""
    return vars(dask_worker).setdefault("life_lines", {}).setdefault(study, [])


def stop(study: str, dask_worker: Any) -> None:
    """Kill the running variants of a study; Dask gives the worker."""
    for line in life_lines(dask_worker, study):
        line.cut()


def unpack(packed: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later have it
        archive.extractall(folder)


def keep(data: bytes, key: str) -> Path:
    """Return the folder in which the variants on this host share the data; unpack it unless it is there."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = Path(os.environ.get("MNIST_CACHE") or home / "mnist") / key
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as part:
            unpack(data, Path(part) / "data")
            with suppress(OSError):  # another worker was first
                os.rename(Path(part) / "data", kept)
    return kept
