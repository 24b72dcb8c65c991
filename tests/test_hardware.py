import pytest

from running import hardware

CPU = "processor\t: {n}\nmodel name\t: AMD EPYC\npower management:\nflags\t\t: fma avx{wider}\n\n"


@pytest.mark.parametrize(
    ("wider", "shown"), [(" avx2 avx512f", "AMD EPYC, AVX-512"), (" avx2", "AMD EPYC, AVX2"), ("", "AMD EPYC")]
)
def test_the_first_cpu_is_named_with_its_widest_vectors(wider, shown):
    assert hardware.processor(CPU.format(n=0, wider=wider) + CPU.format(n=1, wider=" avx512f")) == shown


def test_a_cpu_of_which_linux_tells_nothing_is_called_by_its_architecture(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "cpuinfo")
    expected = f"{hardware.cores()} cores, aarch64"
    assert hardware.describe() == expected
    hardware.CPUINFO.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert hardware.describe() == expected
