"""The hardware that computed a result: speed depends on it and, on unsupported platforms, so may the bytes."""

import platform

from network import platform_support

# By the name that Linux gives them on x86-64 and on ARM, the widest first.
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "asimd": "NEON"}


def machine() -> dict[str, str]:
    return {"host": platform.node(), "hardware": describe()}


def describe() -> str:
    """Return for example `2 cores, AMD EPYC, AVX2`; the architecture stands for a CPU whose name is unknown."""
    return f"{cores()} cores, {describe_cpu()}"


def describe_cpu() -> str:
    """Return the name of the CPU, or its architecture (Linux has no name for ARM), and its widest vectors."""
    cpu = platform_support.cpuinfo()
    instructions = f"{cpu.get('flags', '')} {cpu.get('Features', '')}".split()
    vectors = [name for instruction, name in VECTORS.items() if instruction in instructions][:1]
    return ", ".join([cpu.get("model name", platform.machine()), *vectors])


def cores() -> int:
    """Return the cores that this process may use: its CPU affinity and the quota of its container count."""
    from joblib import cpu_count  # a sixth of a second

    return cpu_count()
