"""The reader: its training, its confidence threshold, and how it is asked."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import yaml

from common.errors import PipelineError
from contracts import reader
from fixtures import PROJECT, edit_params, idx_bytes, succeed, tiny_mnist
from reader import mnist
from reader.train_reader import Answers, choose_threshold, measure

STAGE = yaml.safe_load((PROJECT / "reader/dvc.yaml").read_text())["stages"]["reader"]
UNDECLARED = ["reader/__init__.py", "reader/parameters.py", "stages/common", "stages/sources"]
SHA256 = {name: hashlib.sha256(idx_bytes(array)).hexdigest() for name, array in tiny_mnist().items()}


@pytest.mark.slow
def test_the_reader_is_trained_from_its_declared_inputs_alone(mirror, tmp_path):
    for path in [*STAGE["deps"], *UNDECLARED, "reader/params.yaml"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / path).is_dir() else shutil.copy
        copy(PROJECT / path, tmp_path / path)
    (tmp_path / "params.yaml").touch()  # of the pipeline: not read
    tiny = {"reader.hidden_units": [16, 8], "reader.epochs": 2, "reader.batch_size": 16}
    data = {"download.sources": [str(mirror)], "download.sha256": SHA256}
    edit_params(tmp_path, tiny | data, "reader/params.yaml")

    succeed(tmp_path, *STAGE["cmd"].split(), TZ="Pacific/Kiritimati", LC_ALL="C")

    outs = {path for kind in ("outs", "metrics", "plots") for out in STAGE[kind] for path in out}
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("reader/results/*")} == outs
    metrics = json.loads((tmp_path / reader.METRICS).read_text())
    assert {kind: rate["images"] for kind, rate in metrics["rates"].items()} == {
        "digits": 60,
        "letters": 8,
        "pairs": 4,
        "prints": 9,
        "scribbles": 4,
        "strokes": 11,
    }


def test_mnist_is_found_in_data_raw_or_else_at_a_source_and_other_data_is_not_taken(mirror, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = mnist.Download(sources=[str(mirror)], sha256=SHA256)
    images, labels, *_ = mnist.load(settings)
    assert (images == tiny_mnist()["train-images-idx3-ubyte"]).all()
    assert (labels == tiny_mnist()["train-labels-idx1-ubyte"]).all()
    shutil.copytree(mirror, mnist.RAW)
    elsewhere = settings.model_copy(update={"sources": ["nowhere"]})
    assert (mnist.load(elsewhere)[0] == images).all()
    (tmp_path / mnist.RAW / "t10k-labels-idx1-ubyte.gz").write_bytes(b"own data")
    with pytest.raises(PipelineError, match="labels-idx1-ubyte: expected SHA-256 .*\n  nowhere: no such"):
        mnist.load(elsewhere)


def test_the_weights_have_the_same_bytes_when_saved_again(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    layers, expected = reader.load_network(), reader.PATH.read_bytes()
    monkeypatch.chdir(tmp_path)
    reader.save_network(layers)
    assert reader.PATH.read_bytes() == expected


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 no archive"])
def test_a_missing_or_damaged_network_is_reported_with_the_fix(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        reader.FOLDER.mkdir(parents=True)
        reader.PATH.write_bytes(content)
    with pytest.raises(PipelineError, match="network.npz is missing or damaged .* `git restore reader/results`"):
        reader.load_network()


def test_images_are_moved_without_coming_in_from_the_other_side():
    image = np.zeros((1, 28, 28))
    image[0, 4:24, 0:20] = 1  # at the edge, where a column is lost and none comes in from the other side
    moved = reader.move(image)
    assert moved.sum(axis=(1, 2)).tolist() == [400, 400, 400, 380, 400]
    assert [np.argwhere(m)[0].tolist() for m in moved] == [[4, 0], [3, 0], [5, 0], [4, 0], [4, 1]]
    np.testing.assert_array_equal(reader.average(moved.reshape(5, -1)), moved.reshape(5, -1).mean(axis=0)[None])


def answers(confidence: list[float], right: list[int]) -> Answers:
    return Answers(np.array(confidence), np.array(right, bool))


def test_the_threshold_is_the_lowest_confidence_that_few_enough_errors_reach():
    kinds = {
        "digits": answers([0.99, 0.9, 0.7, 0.9], [1, 1, 0, 0]),
        "scribbles": answers([0.8, 0.2, 0.1, 0.1], [0, 0, 0, 0]),
    }
    assert choose_threshold(kinds, 0.25) == 0.701
    assert choose_threshold(kinds, 0.1) == 0.901
    assert choose_threshold({"digits": answers([1.0], [0])}, 0.1) == 1.0  # never


def test_the_rates_are_counted_by_kind():
    kinds = {"digits": answers([0.99, 0.98, 0.6, 0.95], [1, 0, 1, 1]), "strokes": answers([0.97, 0.4], [0, 0])}
    metrics = measure(kinds, 0.98)
    assert metrics.pop("accuracy_interval") == {"low": 0.300642, "high": 0.954413}  # of 3 in 4, by SciPy's binomtest
    assert metrics == {
        "accuracy": 0.75,
        "rates": {
            "digits": {"images": 4, "confident": 0.5, "confident_errors": 0.25},
            "strokes": {"images": 2, "confident": 0.0, "confident_errors": 0.0},
        },
    }


def test_the_committed_reader_is_often_confident_and_seldom_wrong():
    metrics = json.loads((PROJECT / reader.METRICS).read_text())
    assert metrics["rates"]["digits"]["confident"] > 0.8
    assert all(rate["confident_errors"] <= 0.01 for rate in metrics["rates"].values())
