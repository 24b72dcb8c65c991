import re

import numpy as np
import pytest

from common.errors import PipelineError
from network import checkpoint
from network.checkpoint import COLUMNS
from network.determinism import keras


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split").mkdir()
    (tmp_path / "split/images.npy").write_bytes(b"images")
    return tmp_path / "split"


def test_a_checkpoint_is_tied_to_data_and_settings(data):
    name = checkpoint.path_for("train", [data], "epochs=2")
    assert name == checkpoint.path_for("train", [data], "epochs=2")
    assert name != checkpoint.path_for("train", [data], "epochs=3")
    (data / "images.npy").write_bytes(b"other images")
    assert name != checkpoint.path_for("train", [data], "epochs=2")


def test_a_checkpoint_is_tied_to_the_code_and_the_versions(data, monkeypatch, tmp_path):
    name = checkpoint.path_for("train", [data], "")
    monkeypatch.setattr("numpy.__version__", "0.0")
    assert name != checkpoint.path_for("train", [data], "")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    stage = tmp_path / "stages"
    (stage / "common").mkdir(parents=True)
    (stage / "train.py").write_text("a = 1")
    monkeypatch.setattr(checkpoint, "PROJECT", tmp_path)
    monkeypatch.setattr("sys.modules", {"train": type("module", (), {"__file__": str(stage / "train.py")})})
    before = checkpoint.path_for("train", [data], "")
    (stage / "train.py").write_text("a = 2")
    assert before != checkpoint.path_for("train", [data], "")


class Model:
    """Stands for a network after two epochs, and its optimizer."""

    def __init__(self):
        self.weights = [keras.Variable(np.arange(6.0).reshape(2, 3), dtype="float32")]
        self.trainable_variables = self.weights
        self.optimizer = keras.optimizers.Adam()


def checkpoint_of(data, epochs=4):
    return checkpoint.Checkpoint("train", [data], "", data.parent / "history.csv", epochs)


@pytest.fixture
def saved(data):
    """The checkpoint that a training of four epochs left after two, with other values than a new one has."""
    model, left = Model(), checkpoint_of(data)
    left.set_model(model)
    for epoch in range(2):
        model.weights[0].assign(model.weights[0] + 1)
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(3 * (epoch + 1))
        left.on_epoch_end(epoch, {name: (i + 1) / (epoch + 3) for i, name in enumerate(COLUMNS)})
    return left


def test_a_checkpoint_brings_back_model_optimizer_and_history(saved, data):
    model, resumed = Model(), checkpoint_of(data)
    before = saved.history.read_bytes()
    saved.history.unlink()
    assert resumed.restore(model) == 2
    assert model.weights[0].numpy().tolist() == [[2, 3, 4], [5, 6, 7]]
    assert int(model.optimizer.iterations) == 6
    assert resumed.rows == saved.rows
    assert saved.history.read_bytes() == before


def arrays_of(path):
    with np.load(path) as saved:
        return dict(saved)


def rewritten(**changes):
    """A fault: the archive with these arrays instead; None leaves one out."""

    def damage(path):
        arrays = arrays_of(path) | {k: v(arrays_of(path)[k]) if callable(v) else v for k, v in changes.items()}
        with path.open("wb") as file:
            np.savez(file, **{name: array for name, array in arrays.items() if array is not None})

    return damage


def flipped(path):
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(7).tobytes())] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(b""), "No data left"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "not a zip file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "not a zip file"),
        (lambda path: path.write_bytes(b"neither\n"), "pickled"),
        (lambda path: np.save(path.open("wb"), np.zeros(3)), "expected an archive"),
        (flipped, "Bad CRC-32"),
        (rewritten(v0=None), "expected 6 arrays, found 5"),
        (rewritten(v9=np.zeros(1)), "expected 6 arrays, found 7"),
        (rewritten(history=lambda rows: rows[:0]), "expected 1 to 4 epochs"),
        (rewritten(history=lambda rows: np.repeat(rows, 4, axis=0)), "expected 1 to 4 epochs"),
        (rewritten(history=lambda rows: rows[:, :3]), r"history: expected float64 \(2, 4\), found float64 \(2, 3\)"),
        (rewritten(history=lambda rows: rows * np.nan), "history: expected finite numbers"),
        (rewritten(history=np.array([None])), "pickle|Object arrays"),
        (rewritten(v0=np.zeros((3, 2), np.float32)), r"v0: expected float32 \(2, 3\), found float32 \(3, 2\)"),
        (rewritten(v0=np.zeros((2, 3))), r"v0: expected float32 \(2, 3\), found float64 \(2, 3\)"),
        (rewritten(v0=lambda value: value * np.inf), "v0: expected finite numbers"),
    ],
)
def test_a_checkpoint_that_is_not_right_is_dropped_with_a_line(damage, told, saved, data, capsys):
    damage(saved.path)
    model, resumed = Model(), checkpoint_of(data)
    fresh = [variable.numpy() for variable in checkpoint.state(model)]
    assert resumed.restore(model) == 0
    line = capsys.readouterr().err
    assert re.search(told, line)
    assert line.endswith("starting over\n")
    assert line.count("\n") == 1
    assert not saved.path.exists()
    assert resumed.rows == []
    assert all((a == b.numpy()).all() for a, b in zip(fresh, checkpoint.state(model), strict=True))


def test_an_interrupt_says_what_goes_on(saved, data):
    with pytest.raises(KeyboardInterrupt) as interrupt, saved.reported():
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == ["after epoch 2 of 4; run it again, and it goes on from there"]
    with pytest.raises(KeyboardInterrupt) as interrupt, checkpoint_of(data).reported():
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == ["after epoch 0 of 4; run it again, and it starts from the beginning"]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_training_that_diverges_stops_at_that_epoch_and_leaves_no_checkpoint(name, value, saved):
    with (
        pytest.raises(PipelineError, match=f"epoch 3 ended with .*{name} {value}.*train.learning_rate"),
        saved.reported(),
    ):
        saved.on_epoch_end(2, dict.fromkeys(COLUMNS, 0.5) | {name: value})
    assert not checkpoint.FOLDER.exists()
    assert len(saved.history.read_text().splitlines()) == 3


def test_success_leaves_no_checkpoint(saved):
    assert saved.path.exists()
    saved.discard()
    assert not checkpoint.FOLDER.exists()
    saved.discard()
