"""The model and the data from another repository, as the documentation shows it."""

import pytest

from fixtures import AUTHOR, succeed


@pytest.mark.slow
def test_another_repository_gets_and_imports_the_model_and_the_data(light, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        succeed(other, *command)
    model = (light / "models/model.keras").read_bytes()

    succeed(other, "dvc", "get", str(light), "models/model.keras", "--out", "got.keras")
    assert (other / "got.keras").read_bytes() == model
    succeed(other, "dvc", "import", str(light), "data/normalized/train", "--out", "train", **AUTHOR)
    for name in ("images.npy", "labels.npy"):
        expected = (light / "data/normalized/train" / name).read_bytes()
        assert (other / "train" / name).read_bytes() == expected
    succeed(light, "git", "tag", "-a", "digits@v1.0.0", "-m", "the first version", **AUTHOR)
    succeed(other, "dvc", "artifacts", "get", str(light), "digits", "--rev", "v1.0.0", "--out", "artifact.keras")
    assert (other / "artifact.keras").read_bytes() == model
