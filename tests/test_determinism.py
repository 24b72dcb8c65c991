from common import determinism
from conftest import PROJECT, succeed

TRAIN = """
import sys, hashlib
sys.path.insert(0, {stages!r})
import numpy as np
from common import checkpoint, model, params
from common.dataset import Split
from pathlib import Path
import train
split = Split(np.random.default_rng(0).random((256, 28, 28), np.float32), (np.arange(256) % 10).astype(np.uint8))
settings = params.Train(epochs=2, batch_size=64, learning_rate=0.01, schedule="cosine", seed=0)
network = model.build([96, 64], 10, 0)
train.fit(network, split, split, settings, checkpoint.Checkpoint([], "", train.HISTORY))
print("weights", hashlib.sha256(b"".join(w.tobytes() for w in network.get_weights())).hexdigest())
"""


def weights(folder, **environment):
    output = succeed(folder, "python", "-c", TRAIN.format(stages=str(PROJECT / "stages")), **environment)
    return next(line for line in output.splitlines() if line.startswith("weights")), output


def test_the_weights_do_not_depend_on_threads_instruction_set_or_the_users_settings(tmp_path):
    folders = [tmp_path / name for name in ("plain", "with a space")]
    for folder in folders:
        folder.mkdir()
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text('{"floatx": "float64", "epsilon": 1e-3, "backend": "jax"}')
    plain, output = weights(folders[0])
    assert "reproducible" not in output
    other, output = weights(
        folders[1],
        TF_NUM_INTRAOP_THREADS="1",
        TF_NUM_INTEROP_THREADS="1",
        OMP_NUM_THREADS="1",
        ONEDNN_MAX_CPU_ISA="SSE41",
        GLIBC_TUNABLES="glibc.cpu.hwcaps=-AVX2,-FMA",
        PYTHONHASHSEED="7",
        HOME=str(tmp_path),
        KERAS_HOME=str(tmp_path / ".keras"),
        TF_ENABLE_ONEDNN_OPTS="1",
        XLA_FLAGS="--xla_cpu_max_isa=SSE4_2",
    )
    assert plain == other
    assert "TF_ENABLE_ONEDNN_OPTS=1 is set; using '0', so that results are reproducible" in output
    assert "XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 is set; using '--xla_cpu_max_isa=AVX2 " in output


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
