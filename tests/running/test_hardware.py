import importlib

import pytest

from network import determinism, platform_support
from running import hardware

AMD = "processor\t: {n}\nmodel name\t: AMD EPYC\npower management:\nflags\t\t: fpu {flags}\n\n"
ARM = "processor\t: {n}\nBogoMIPS\t: 100.00\nFeatures\t: fp {flags}\nCPU implementer\t: 0x41\n\n"


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Replace this machine's system, kind of CPU and /proc/cpuinfo, which is missing for ''."""

    def become(system: str, kind: str, cpuinfo: str = "") -> None:
        monkeypatch.setattr(platform_support.platform, "system", lambda: system)
        monkeypatch.setattr(platform_support.platform, "machine", lambda: kind)
        monkeypatch.setattr(platform_support, "CPUINFO", tmp_path / "cpuinfo")
        if cpuinfo:
            platform_support.CPUINFO.write_text(cpuinfo)

    return become


@pytest.mark.parametrize(
    ("kind", "cpuinfo", "flags", "shown"),
    [
        ("x86_64", AMD, "fma avx2 avx512f", "AMD EPYC, AVX-512"),
        ("x86_64", AMD, "fma avx2", "AMD EPYC, AVX2"),
        ("aarch64", ARM, "asimd sve", "aarch64, SVE"),
        ("arm64", "", "", "arm64"),
    ],
)
def test_the_first_cpu_is_named_with_its_widest_vectors(pretend, kind, cpuinfo, flags, shown):
    pretend("Linux", kind, cpuinfo.format(n=0, flags=flags) + cpuinfo.format(n=1, flags="avx512f sve"))
    assert hardware.describe() == f"{hardware.cores()} cores, {shown}"


@pytest.mark.parametrize(
    ("system", "kind", "cpuinfo", "why"),
    [
        ("Linux", "x86_64", AMD.format(n=0, flags="fma avx2"), ""),
        ("Linux", "aarch64", ARM.format(n=0, flags="asimd"), ""),
        ("Linux", "x86_64", AMD.format(n=0, flags="fma"), "a CPU without AVX2"),
        ("Linux", "riscv64", "", "a CPU of the kind riscv64"),
        ("Darwin", "arm64", "", "Darwin instead of Linux"),
    ],
)
def test_the_same_bytes_are_promised_on_linux_with_avx2_and_fma_or_on_arm(pretend, system, kind, cpuinfo, why):
    pretend(system, kind, cpuinfo)
    assert platform_support.unsupported_reason() == why


def test_a_stage_reports_in_one_line_that_the_bytes_are_not_promised(pretend, capsys):
    line = "a CPU without AVX2: the same bytes as on other machines are not promised (docs/reproducibility.md)\n"
    for flags, expected in [("fma avx2", ""), ("fma", line)]:
        pretend("Linux", "x86_64", AMD.format(n=0, flags=flags))
        importlib.reload(determinism)
        assert capsys.readouterr().err == expected


def test_a_container_may_use_its_quota_of_cores(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # joblib asks cgroups in the same way
    assert hardware.cores() == 1
