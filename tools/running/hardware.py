"""The hardware that computed a result: speed depends on it and, on unsupported platforms, so may the bytes."""

import running.stages_on_path  # noqa: F401

import os
import platform
import socket
from pathlib import Path

from network import platform_support

CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# By the name that Linux gives them on x86-64 and on ARM, the widest first.
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "asimd": "NEON"}


def describe() -> str:
    """Return for example `2 cores, AMD EPYC, AVX2`; without Linux the architecture stands for the last two."""
    return f"{cores()} cores, {describe_cpu()}"


def describe_cpu() -> str:
    """Return the name of the CPU, or its architecture, because on ARM Linux tells no name; and its widest vectors."""
    cpu = platform_support.cpuinfo()
    instructions = f"{cpu.get('flags', '')} {cpu.get('Features', '')}".split()
    vectors = [name for instruction, name in VECTORS.items() if instruction in instructions][:1]
    return ", ".join([cpu.get("model name", platform.machine()), *vectors])


def cores() -> int:
    """Return the cores that this process may use, at least 1: a scheduler or a container may allot less than there are.

    Counted are the CPUs it may run on (taskset, Slurm, cpusets) and the quota of time of its control group (Docker's
    --cpus, Kubernetes' limits), rounded up.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *quotas()]))


def quotas() -> list[int]:
    """Return the CPUs that the quotas of the control group and of those above it are worth; none where there are none.

    Version 2 has `cpu.max` with quota and period in microseconds, version 1 two files; in a container the group is
    mounted as the root.
    """
    try:
        lines = OWN_CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root = CGROUPS if not controllers else CGROUPS / controllers
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = root / path.strip("/")
        for folder in [group, *(parent for parent in group.parents if parent.is_relative_to(root)), root]:
            found += quota(folder)
    return found


def quota(folder: Path) -> list[int]:
    """Return the CPUs that the quota of one control group is worth, rounded up, or nothing."""
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text().split()
        else:
            limit, period = ((folder / f"cpu.cfs_{kind}_us").read_text().strip() for kind in ("quota", "period"))
        return [-(-int(limit) // int(period))] if limit != "max" and int(limit) > 0 else []
    except (OSError, ValueError):
        return []


def host() -> str:
    return socket.gethostname()
