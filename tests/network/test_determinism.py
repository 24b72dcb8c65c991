"""The same inputs give the same bytes, whatever the machine, the shell and the user's settings are.

test_declared.py has the bytes of every stage, in another environment; make verify those of the pipeline.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from train_cases import CASES

from fixtures import PROJECT, succeed
from network import determinism, platform_support

PLAIN = [sys.executable]
ONE_CORE = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *PLAIN] if sys.platform == "linux" else PLAIN
HASWELL = ["qemu-x86_64", "-cpu", "Haswell", "-0", sys.executable, os.path.realpath(sys.executable)]  # AVX2, no AVX-512
KERAS_JSON = '{"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first", "backend": "jax"}'


def threads(number: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(number))


EVERY = range(len(CASES))
FEW = [0, 4, 8, 11]  # batches of 1, 32, 128 and 321
# The interpreter, the environment, and the cases to train.
SETUPS = {
    "all cores": (PLAIN, {}, FEW),
    "one core, one thread": (ONE_CORE, threads(1), EVERY),
    "three threads, oneDNN held to AVX2": (PLAIN, {**threads(3), "ONEDNN_MAX_CPU_ISA": "AVX2"}, FEW),
    "sixteen threads on one core": (ONE_CORE, threads(16), FEW),
    "eight threads, oneDNN held to SSE4.1, a C library without AVX2 and FMA": (
        PLAIN,
        {**threads(8), "ONEDNN_MAX_CPU_ISA": "SSE41", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"},
        FEW,
    ),
    "an emulated Haswell": (HASWELL, {}, [4]),
}
RECORDED = dict(line.split()[1:] for line in (PROJECT / "tests/network/digests.txt").read_text().splitlines())

promised = pytest.mark.skipif(
    platform_support.unsupported_reason() != "",
    reason=f"other bytes may come out on {platform_support.unsupported_reason()}",
)


def train(folder: Path, python: list[str], cases: Iterable[int], **environment: str) -> str:
    """Train the cases in a process of its own, and compare the digests with the recorded ones; return what it said."""
    folder.mkdir()
    numbers = [*map(str, cases)]
    output = succeed(folder, *python, str(PROJECT / "tests/network/train_cases.py"), *numbers, **environment)
    found = dict(line.split()[1:] for line in output.splitlines() if line.startswith("digest"))
    expected = {number: RECORDED[number] for number in numbers}
    assert found == expected, "the numbers are of train_cases.py, which says when to record them anew"
    return output


@pytest.mark.slow
@promised
@pytest.mark.parametrize(
    "setup", [pytest.param(name, marks=pytest.mark.emulated if "emulated" in name else ()) for name in SETUPS]
)
def test_the_bytes_do_not_depend_on_threads_or_instruction_set(setup, tmp_path):
    if setup == "an emulated Haswell" and not shutil.which("qemu-x86_64"):
        pytest.skip("qemu-user is not installed")
    python, environment, cases = SETUPS[setup]
    output = train(tmp_path / "here", python, cases, **environment)
    assert "reproducible" not in output


@pytest.mark.slow
@promised
def test_the_settings_win_over_those_of_the_user_and_say_so(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(KERAS_JSON)
    output = train(
        tmp_path / "here",
        PLAIN,
        [4],
        HOME=str(tmp_path),
        KERAS_HOME=str(tmp_path / ".keras"),
        TF_ENABLE_ONEDNN_OPTS="1",
        XLA_FLAGS="--xla_cpu_max_isa=SSE4_2",
    )
    assert "TF_ENABLE_ONEDNN_OPTS=1 is set; using '0', so that results are reproducible" in output
    assert "XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 is set; using '--xla_cpu_max_isa=" in output


def test_tensorflow_is_only_imported_through_the_settings():
    for path in (PROJECT / "stages").rglob("*.py"):
        lines = path.read_text().splitlines()
        imports = [
            line
            for line in lines
            if line.strip().startswith(("import keras", "import tensorflow", "from keras", "from tensorflow"))
        ]
        assert bool(imports) == (path == PROJECT / "stages/network/determinism.py"), path


def test_every_setting_says_why():
    lines = (PROJECT / "stages/network/determinism.py").read_text().splitlines()
    for name in determinism.SETTINGS:
        number = next(i for i, line in enumerate(lines) if line.strip().startswith(f'"{name}"'))
        assert lines[number - 1].strip().startswith("#")
