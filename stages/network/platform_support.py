"""Where the same bytes are promised: on Linux, on x86-64 with AVX2 and FMA (since 2013) and on 64-bit ARM."""

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
NEEDED = ["avx2", "fma"]  # of x86-64, as Linux calls them; without FMA a product is rounded before it is added


def cpuinfo() -> dict[str, str]:
    """Return the fields of the first CPU in /proc/cpuinfo; an empty dict on other systems."""
    if not CPUINFO.exists():
        return {}
    lines = CPUINFO.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def unsupported_reason() -> str:
    """Return in a few words why this machine may get other bytes; an empty string if it should get the same."""
    system, kind = platform.system(), platform.machine()
    if system != "Linux":
        return f"{system} instead of Linux"
    if kind == "aarch64":
        return ""
    if kind != "x86_64":
        return f"a CPU of the kind {kind}"
    missing = [name.upper() for name in NEEDED if name not in cpuinfo().get("flags", "").split()]
    return f"a CPU without {' and '.join(missing)}" if missing else ""
