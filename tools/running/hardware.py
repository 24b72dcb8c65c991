"""What a result was computed on: speed depends on it, and on a CPU without AVX2 the bytes may."""

import os
import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}  # by the flag that Linux gives them, the widest first


def describe() -> str:
    """Return for example `2 cores, AMD EPYC, AVX2`; without Linux the architecture stands for the last two."""
    return f"{cores()} cores, {describe_cpu()}"


def describe_cpu() -> str:
    message = processor(CPUINFO.read_text(encoding="utf-8")) if CPUINFO.exists() else ""
    return message or platform.machine()


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


def processor(cpuinfo: str) -> str:
    """Return the name of the first CPU and its widest vectors, as far as /proc/cpuinfo tells: on ARM nothing."""
    message = dict(re.findall(r"^([\w ]+?)\s*: (.+)$", cpuinfo.split("\n\n")[0], re.MULTILINE))
    flags = message.get("flags", "").split()
    vectors = next((name for flag, name in VECTORS.items() if flag in flags), "")
    return ", ".join(filter(None, [message.get("model name", ""), vectors]))
