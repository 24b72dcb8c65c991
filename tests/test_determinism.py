"""The same inputs give the same bytes, whatever the machine, the shell and the user's settings are."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from common import determinism
from conftest import PROJECT, succeed

# Wide enough that YNNPACK, left to itself, would cut the sums of AVX-512 and of AVX2 machines in different places.
TRAIN = """
import sys, hashlib
sys.path.insert(0, {stages!r})
import numpy as np
from common import model, params
from training import checkpoint
from common.dataset import Split
from parameters.train import Train
import evaluate, train
split = Split(np.random.default_rng(0).random((384, 28, 28), np.float32), (np.arange(384) % 10).astype(np.uint8))
changes = dict(epochs=2, batch_size=128, schedule="cosine", augmentation="elastic")
settings = params.load(Train).model_copy(update=changes)
network = model.build([512, 256], 10, 0)
train.fit(network, split, split, settings, checkpoint.Checkpoint([], "", train.HISTORY))
network.compile(jit_compile=True)  # as evaluate.load_network does
arrays = [*network.get_weights(), evaluate.predict(network, split.images)]
print("digest", hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""
PLAIN = [sys.executable]
ONE_CORE = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *PLAIN] if sys.platform == "linux" else PLAIN
HASWELL = ["qemu-x86_64", "-cpu", "Haswell", "-0", sys.executable, os.path.realpath(sys.executable)]  # AVX2, no AVX-512
KERAS_JSON = '{"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first", "backend": "jax"}'


def train(folder: Path, python: list[str], **environment: str) -> tuple[str, str]:
    """Train a few steps and predict, in a process of its own; return the digest of the bytes, and all it printed."""
    folder.mkdir()
    shutil.copy(PROJECT / "params.yaml", folder)
    output = succeed(folder, *python, "-c", TRAIN.format(stages=str(PROJECT / "stages")), **environment)
    return next(line for line in output.splitlines() if line.startswith("digest")), output


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> str:
    digest, output = train(tmp_path_factory.mktemp("plain") / "here", PLAIN)
    assert "reproducible" not in output
    return digest


def threads(number: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(number))


@pytest.mark.parametrize(
    ("python", "environment"),
    [
        pytest.param(ONE_CORE, threads(1), id="one core, one thread"),
        pytest.param(PLAIN, {**threads(2), "ONEDNN_MAX_CPU_ISA": "AVX2"}, id="two threads, oneDNN held to AVX2"),
        pytest.param(PLAIN, {**threads(4), "ONEDNN_MAX_CPU_ISA": "SSE41"}, id="four threads, oneDNN held to SSE4.1"),
        pytest.param(PLAIN, {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}, id="a C library without AVX2 and FMA"),
        pytest.param(
            HASWELL,
            {},
            id="an emulated Haswell",
            marks=pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="qemu-user is not installed"),
        ),
    ],
)
def test_the_bytes_do_not_depend_on_threads_or_instruction_set(python, environment, plain, tmp_path):
    assert train(tmp_path / "here", python, **environment)[0] == plain


def test_the_settings_win_over_those_of_the_user_and_say_so(plain, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(KERAS_JSON)
    digest, output = train(
        tmp_path / "here",
        PLAIN,
        HOME=str(tmp_path),
        KERAS_HOME=str(tmp_path / ".keras"),
        TF_ENABLE_ONEDNN_OPTS="1",
        XLA_FLAGS="--xla_cpu_max_isa=SSE4_2",
    )
    assert digest == plain
    assert "TF_ENABLE_ONEDNN_OPTS=1 is set; using '0', so that results are reproducible" in output
    assert "XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 is set; using '--xla_cpu_max_isa=AVX2 " in output


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "USER": "somebody", "LOGNAME": "somebody", "PYTHONHASHSEED": "7"},
    ],
    ids=["the same shell", "another time zone, locale, user, home and hash seed"],
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
