import sys
from types import SimpleNamespace

import numpy as np
import pytest

from network import checkpoint
from network.checkpoint import FOLDER, Checkpoint, Diverged
from network.determinism import keras


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split").mkdir()
    (tmp_path / "split/images.npy").write_bytes(b"images")
    return tmp_path / "split"


def test_a_checkpoint_is_tied_to_data_settings_versions_and_code(data, monkeypatch, tmp_path):
    module, found = tmp_path / "stages/train.py", []

    def look(settings: str = "epochs=2") -> None:
        found.append(checkpoint.path_for("train", [data], settings))

    module.parent.mkdir()
    module.write_text("a = 1")
    monkeypatch.setattr(checkpoint, "PROJECT", tmp_path)
    monkeypatch.setitem(sys.modules, "train", SimpleNamespace(__file__=str(module)))
    look()
    look()
    assert found.pop() == found[0]
    look("epochs=3")
    (data / "images.npy").write_bytes(b"other images")
    look()
    module.write_text("a = 2")
    look()
    monkeypatch.setattr("numpy.__version__", "0.0")
    look()
    assert len({*found}) == len(found) == 5


def checkpoint_of(data, epochs=4, stage="train"):
    return Checkpoint(stage, [data], "", data.parent / "history.csv", epochs)


def variables() -> list[keras.Variable]:
    """A kernel and a count, as a network and its optimizer have them."""
    return [keras.Variable(np.arange(6.0).reshape(2, 3), dtype="float32"), keras.Variable(0, dtype="int64")]


@pytest.fixture
def saved(data):
    """The checkpoint of a training of four epochs after two, with other values than new variables have."""
    (kernel, count), left = variables(), checkpoint_of(data)
    for epoch in range(2):
        kernel.assign(kernel + 1)
        count.assign(3 * (epoch + 1))
        left.save([(i + 1) / (epoch + 3) for i in range(4)], [kernel, count])
    return left


def test_a_checkpoint_restores_variables_and_history(saved, data):
    (kernel, count), resumed = variables(), checkpoint_of(data)
    before = saved.history.read_bytes()
    saved.history.unlink()
    assert resumed.restore([kernel, count]) == 2
    assert kernel.numpy().tolist() == [[2, 3, 4], [5, 6, 7]]
    assert int(count) == 6
    assert resumed.rows == saved.rows
    assert saved.history.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_bytes(path.read_bytes().replace(np.float32(3).tobytes(), np.float32(9).tobytes())),
    ],
)
def test_a_damaged_checkpoint_is_dropped_with_a_line(damage, saved, data, capsys):
    damage(saved.path)
    fresh, resumed = variables(), checkpoint_of(data)
    capsys.readouterr()
    assert resumed.restore(fresh) == 0
    line = capsys.readouterr().err
    assert line.startswith("train: dropped the checkpoint ")
    assert line.count("\n") == 1
    assert not saved.path.exists()
    assert resumed.rows == []
    assert all((a.numpy() == b.numpy()).all() for a, b in zip(fresh, variables(), strict=True))


def test_an_interrupt_reports_where_the_training_continues(saved, data):
    with pytest.raises(KeyboardInterrupt) as interrupt, saved.reported():
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == ["after epoch 2 of 4; run it again, and it goes on from there"]
    with pytest.raises(KeyboardInterrupt) as interrupt, checkpoint_of(data).reported():
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == ["after epoch 0 of 4; run it again, and it starts from the beginning"]


def test_a_training_that_diverges_stops_at_that_epoch_and_names_its_own_parameter(data):
    reader = checkpoint_of(data, stage="reader")
    with (
        pytest.raises(Diverged, match="epoch 1 ended with .*val_loss inf.*reader.learning_rate"),
        reader.reported(),
    ):
        reader.save([0.5, 0.5, 0.5, np.inf], variables())
    assert not reader.path.exists()


def test_a_training_that_succeeds_or_diverges_leaves_the_checkpoint_of_another(saved, data):
    other = checkpoint_of(data, stage="reader")
    other.save([0.5] * 4, variables())
    saved.discard()
    assert [path.name for path in FOLDER.iterdir()] == [other.path.name]
    other.discard()
    assert not FOLDER.exists()
    other.discard()


def test_the_last_row_is_rounded_like_the_history(data):
    left = checkpoint_of(data)
    left.rows = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.70000049, 0.8]]
    assert left.last() == {"val_accuracy": 0.7, "val_loss": 0.8}
