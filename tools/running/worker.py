"""What a Dask worker does for one variant. Sent to it by value: only the standard library, for it has no project.

`call` unpacks the project's files and starts `tools/run_variant.py` of them, so a worker needs the locked packages and
nothing else. It returns a dict for failures too: exceptions of classes that only one side knows do not travel.
"""

import io
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from typing import IO

CPUINFO = Path("/proc/cpuinfo")
# Set by Dask's nanny; the stages decide for themselves how many threads they take.
NANNY = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"]


def fingerprint(packages: list[str]) -> dict[str, str]:
    """Return what must be equal on all machines of a study: the kind of CPU, Python and the versions of packages."""
    flags = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(), re.MULTILINE) if CPUINFO.exists() else None
    words = set(flags[1].split()) if flags else set()
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    vectors = "AVX2 and FMA" if {"avx2", "fma"} <= words else "no AVX2 and FMA"
    found = {
        "CPU": f"{machine}, {vectors}" if machine == "x86_64" else machine,
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def differences(expected: dict[str, str]) -> list[str]:
    """Return what this machine has otherwise than expected, a line for each."""
    found = fingerprint([name for name in expected if name not in ("CPU", "Python")])
    return [
        f"{name}: expected {expected[name]}, found {found[name]}" for name in expected if expected[name] != found[name]
    ]


def call(project: bytes, arguments: list[str], expected: dict[str, str]) -> dict:
    """Run a variant of `project`, a tar archive; return its result, or {"error": why there is none, "host": ...}."""
    if found := differences(expected):
        return failure(f"refused, not like the machine that started the study: {'; '.join(found)}")
    try:
        with tempfile.TemporaryDirectory(prefix="variant-") as scratch:
            with tarfile.open(fileobj=io.BytesIO(project)) as archive:
                archive.extractall(scratch, filter="data")
            settle(Path(scratch))
            return start(Path(scratch), arguments)
    except OSError as error:
        return failure(f"{error.strerror or error}")


def start(folder: Path, arguments: list[str]) -> dict:
    """Run `tools/run_variant.py` in `folder`, a copy of the project; return its result, or why there is none.

    The life line: if this process is killed, the stages see the end of their standard input and end as well.
    """
    environment = {name: value for name, value in os.environ.items() if name not in NANNY}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            [sys.executable, "tools/run_variant.py", "--in-place", "--life-line", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=log,
            start_new_session=True,
        ) as process:
            status = process.wait()
        printed, said = (read(file) for file in (out, log))
    if status or not printed:
        return failure(" / ".join(said[-2:]) or f"exit status {status}")
    return json.loads(printed[-1])


def read(file: IO[bytes]) -> list[str]:
    """Return the lines of a file that are not blank."""
    file.seek(0)
    return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def failure(reason: str) -> dict:
    return {"error": reason, "host": socket.gethostname()}


def settle(folder: Path) -> None:
    """Give the copy the cache of this host, which all its variants share, and DVC's own files a place in the copy."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("MNIST_DVC_CACHE") or Path(home) / "mnist-dvc")
    lines = [
        "[core]",
        "    no_scm = true",
        f"    site_cache_dir = {folder / '.dvc/site'}",
        "[cache]",
        f"    dir = {cache}",
    ]
    (folder / ".dvc/config.local").write_text("\n".join([*lines, ""]), encoding="utf-8")
