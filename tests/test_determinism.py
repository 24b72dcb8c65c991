"""The same inputs give the same bytes, whatever the machine, the shell and the user's settings are."""

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from common import determinism
from conftest import PROJECT, make_once, succeed
from train_cases import CASES

PLAIN = [sys.executable]
ONE_CORE = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *PLAIN] if sys.platform == "linux" else PLAIN
HASWELL = ["qemu-x86_64", "-cpu", "Haswell", "-0", sys.executable, os.path.realpath(sys.executable)]  # AVX2, no AVX-512
KERAS_JSON = '{"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first", "backend": "jax"}'


def threads(number: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(number))


EVERY = range(len(CASES))
FEW = [0, 4, 8, 11]  # batches of 1, 32, 128 and 321
# What differs from the plain run, which has all cores: the interpreter, the environment, and the cases to train.
SETUPS = {
    "one core, one thread": (ONE_CORE, threads(1), EVERY),
    "three threads, oneDNN held to AVX2": (PLAIN, {**threads(3), "ONEDNN_MAX_CPU_ISA": "AVX2"}, FEW),
    "eight threads, oneDNN held to SSE4.1": (PLAIN, {**threads(8), "ONEDNN_MAX_CPU_ISA": "SSE41"}, FEW),
    "sixteen threads on one core": (ONE_CORE, threads(16), FEW),
    "a C library without AVX2 and FMA": (PLAIN, {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}, FEW),
    "an emulated Haswell": (HASWELL, {}, [4]),
}


def train(folder: Path, python: list[str], cases: Iterable[int], **environment: str) -> tuple[dict[int, str], str]:
    """Train the cases in a process of its own; return the digest of the bytes of each, and all it printed."""
    folder.mkdir()
    shutil.copy(PROJECT / "params.yaml", folder)
    script = str(PROJECT / "tests/train_cases.py")
    output = succeed(folder, *python, script, *map(str, cases), **environment)
    found = [line.split() for line in output.splitlines() if line.startswith("digest")]
    return {int(number): digest for _, number, digest in found}, output


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> dict[int, str]:
    """The digest of each case as trained here; the workers of a test run share it."""

    def make(folder: Path) -> None:
        digests, output = train(folder / "here", PLAIN, EVERY)
        assert "reproducible" not in output
        (folder / "digests.json").write_text(json.dumps(digests))

    folder = make_once(tmp_path_factory, "plain", make)
    return {int(case): digest for case, digest in json.loads((folder / "digests.json").read_text()).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "setup", [pytest.param(name, marks=pytest.mark.emulated if "emulated" in name else ()) for name in SETUPS]
)
def test_the_bytes_do_not_depend_on_threads_or_instruction_set(setup, plain, tmp_path):
    if setup == "an emulated Haswell" and not shutil.which("qemu-x86_64"):
        pytest.skip("qemu-user is not installed")
    python, environment, cases = SETUPS[setup]
    digests, _ = train(tmp_path / "here", python, cases, **environment)
    assert digests == {case: plain[case] for case in cases}, "by number in train_cases.py"


@pytest.mark.slow
def test_the_settings_win_over_those_of_the_user_and_say_so(plain, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(KERAS_JSON)
    digests, output = train(
        tmp_path / "here",
        PLAIN,
        [4],
        HOME=str(tmp_path),
        KERAS_HOME=str(tmp_path / ".keras"),
        TF_ENABLE_ONEDNN_OPTS="1",
        XLA_FLAGS="--xla_cpu_max_isa=SSE4_2",
    )
    assert digests == {4: plain[4]}
    assert "TF_ENABLE_ONEDNN_OPTS=1 is set; using '0', so that results are reproducible" in output
    assert "XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 is set; using '--xla_cpu_max_isa=" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "USER": "somebody", "LOGNAME": "somebody", "PYTHONHASHSEED": "7"}],
    ids=["another time zone, locale, user, home and hash seed"],
)
def test_a_forced_run_elsewhere_leaves_every_byte_as_it_was(environment, finished, tmp_path):
    elsewhere = Path(shutil.copytree(finished, tmp_path / "a folder with spaces"))
    home = {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)} if environment else {}
    (tmp_path / "matplotlibrc").write_text("font.size: 20\n")
    succeed(elsewhere, "dvc", "repro", "--force", **environment, **home)
    assert succeed(elsewhere, "git", "status", "--porcelain") == ""


def test_tensorflow_is_only_imported_through_the_settings():
    for path in (PROJECT / "stages").rglob("*.py"):
        lines = path.read_text().splitlines()
        imports = [
            line
            for line in lines
            if line.strip().startswith(("import keras", "import tensorflow", "from keras", "from tensorflow"))
        ]
        assert bool(imports) == (path == PROJECT / "stages/common/determinism.py"), path


def test_every_setting_says_why():
    lines = (PROJECT / "stages/common/determinism.py").read_text().splitlines()
    for name in determinism.SETTINGS:
        number = next(i for i, line in enumerate(lines) if line.strip().startswith(f'"{name}"'))
        assert lines[number - 1].strip().startswith("#")
