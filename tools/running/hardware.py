"""What a result was computed on: speed depends on it, and on a CPU without AVX2 the bytes may."""

import os
import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}  # by the flag that Linux gives them, the widest first


def describe() -> str:
    """Return for example `2 cores, AMD EPYC, AVX2`; without Linux the architecture stands for the last two."""
    message = processor(CPUINFO.read_text(encoding="utf-8")) if CPUINFO.exists() else ""
    return f"{os.cpu_count()} cores, {message or platform.machine()}"


def processor(cpuinfo: str) -> str:
    """Return the name of the first CPU and its widest vectors, as far as /proc/cpuinfo tells: on ARM nothing."""
    message = dict(re.findall(r"^([\w ]+?)\s*: (.+)$", cpuinfo.split("\n\n")[0], re.MULTILINE))
    flags = message.get("flags", "").split()
    vectors = next((name for flag, name in VECTORS.items() if flag in flags), "")
    return ", ".join(filter(None, [message.get("model name", ""), vectors]))
