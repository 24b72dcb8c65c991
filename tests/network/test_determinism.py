"""The same inputs give the same bytes, whatever the machine, the shell and the user's settings are.

test_declared.py has the bytes of every stage, in another environment; make verify those of the pipeline.
"""

import os
import re
import shutil
import sys

import pytest

from fixtures import PROJECT, succeed
from network import determinism, platform_support

PLAIN = [sys.executable]
ONE_CORE = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *PLAIN] if sys.platform == "linux" else PLAIN
HASWELL = ["qemu-x86_64", "-cpu", "Haswell", "-0", sys.executable, os.path.realpath(sys.executable)]  # AVX2, no AVX-512
KERAS_JSON = '{"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first", "backend": "jax"}'


def threads(number: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(number))


RECORDED = dict(line.split()[1:] for line in (PROJECT / "tests/network/digests.txt").read_text().splitlines())
OPEN = "open"  # must come first: it sets TensorFlow's threads
# The interpreter, the environment, and the cases to train. Digests are recorded, so a setup may change many things, and
# each case runs in one of them.
SETUPS = {
    "one core, one thread": (ONE_CORE, threads(1), [OPEN, "0", "1", "3", "6", "8", "10"]),
    "sixteen threads, and settings of the user": (
        PLAIN,
        {**threads(16), "TF_ENABLE_ONEDNN_OPTS": "1", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        [OPEN, "4", "5", "7", "11"],
    ),
    "a C library without AVX2 and FMA, oneDNN held to SSE4.1, three threads on one core": (
        ONE_CORE,
        {**threads(3), "ONEDNN_MAX_CPU_ISA": "SSE41", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"},
        ["2", "9"],
    ),
    "an emulated Haswell": (HASWELL, {}, ["2", "9"]),
}
found_of_open: list[str] = []

promised = pytest.mark.skipif(
    platform_support.unsupported_reason() != "",
    reason=f"other bytes may come out on {platform_support.unsupported_reason()}",
)


@pytest.mark.slow
@promised
@pytest.mark.parametrize(
    "setup", [pytest.param(name, marks=pytest.mark.emulated if "emulated" in name else ()) for name in SETUPS]
)
def test_the_bytes_do_not_depend_on_threads_instruction_set_or_settings(setup, tmp_path):
    if setup == "an emulated Haswell" and not shutil.which("qemu-x86_64"):
        pytest.skip("qemu-user is not installed")
    python, environment, cases = SETUPS[setup]
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(KERAS_JSON)
    environment = {**environment, "HOME": str(tmp_path), "KERAS_HOME": str(tmp_path / ".keras")}
    output = succeed(tmp_path, *python, str(PROJECT / "tests/network/train_cases.py"), *cases, **environment)
    found = dict(line.split()[1:] for line in output.splitlines() if line.startswith("digest"))
    found_of_open.extend([found.pop(OPEN)] if OPEN in found else [])
    assert found == {case: RECORDED[case] for case in cases if case != OPEN}, "train_cases.py says when to record"
    assert len({*found_of_open}) <= 1
    overridden = re.findall(r"^(\w+)=.* is set; using '.*', so that results are reproducible$", output, re.M)
    assert overridden == [name for name in environment if name in determinism.SETTINGS]


def test_tensorflow_is_only_imported_through_the_settings():
    for path in (PROJECT / "stages").rglob("*.py"):
        lines = path.read_text().splitlines()
        imports = [
            line
            for line in lines
            if line.strip().startswith(("import keras", "import tensorflow", "from keras", "from tensorflow"))
        ]
        assert bool(imports) == (path == PROJECT / "stages/network/determinism.py"), path
