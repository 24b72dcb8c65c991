import pytest

from training import checkpoint


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split").mkdir()
    (tmp_path / "split/images.npy").write_bytes(b"images")
    return tmp_path / "split"


def test_a_checkpoint_is_tied_to_data_and_settings(data):
    name = checkpoint.path_for([data], "epochs=2")
    assert name == checkpoint.path_for([data], "epochs=2")
    assert name != checkpoint.path_for([data], "epochs=3")
    (data / "images.npy").write_bytes(b"other images")
    assert name != checkpoint.path_for([data], "epochs=2")


def test_a_checkpoint_is_tied_to_the_code_and_the_versions(data, monkeypatch, tmp_path):
    name = checkpoint.path_for([data], "")
    monkeypatch.setattr("numpy.__version__", "0.0")
    assert name != checkpoint.path_for([data], "")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    stage = tmp_path / "stages"
    (stage / "common").mkdir(parents=True)
    (stage / "train.py").write_text("a = 1")
    monkeypatch.setattr(checkpoint, "__file__", str(stage / "training/checkpoint.py"))
    monkeypatch.setattr("sys.modules", {"train": type("module", (), {"__file__": str(stage / "train.py")})})
    before = checkpoint.path_for([data], "")
    (stage / "train.py").write_text("a = 2")
    assert before != checkpoint.path_for([data], "")


def test_success_leaves_no_checkpoint(data):
    saved = checkpoint.Checkpoint([data], "", data / "history.csv")
    saved.path.parent.mkdir()
    saved.path.write_bytes(b"old")
    saved.discard()
    assert not checkpoint.FOLDER.exists()
    saved.discard()
