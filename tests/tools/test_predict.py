"""The trained network answers own pictures, which are prepared like its training images."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import predict
from contracts import archive
from fixtures import PROJECT, run
from packing import pack


def predictions(*rows: tuple[bool, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["predicted", "confidence"]).assign(actual=True)


def test_few_enough_mistakes_are_above_the_threshold():
    mistakes = [(False, 0.9), (False, 0.75), (False, 0.6123)]
    assert predict.find_threshold(predictions(*mistakes, *[(True, 0.5)] * 397)) == 0.613  # two of 400 may be wrong
    assert predict.find_threshold(predictions(*mistakes, *[(True, 0.99)] * 97)) == 0.901  # none of 100
    assert predict.find_threshold(predictions((True, 0.5), (True, 0.9))) == 0


@pytest.mark.parametrize(("background", "inverted"), [("dark", "neither"), ("light", "both"), ("either", "light")])
def test_photos_are_inverted_as_they_were_packed(background, inverted):
    convert = pack.converter("pictures", background)
    for rim, name in ((20, "dark"), (230, "light")):  # a dark set has pictures with a light rim, too
        grey = np.full((28, 28), rim, np.float32)
        grey[7:21, 4:12] = 128
        np.testing.assert_array_equal(convert(grey), 255 - grey if inverted in (name, "both") else grey)


def test_numpy_and_keras_give_the_same_probabilities(tmp_path):
    keras = pytest.importorskip("network.determinism").keras
    images = np.random.default_rng(0).random((5, 28, 28), np.float32)
    layers = [
        keras.Input((28, 28), name="image"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(12, activation="relu", name="hidden_1"),
        keras.layers.Dense(7, activation="relu", name="hidden_2"),
        keras.layers.Dense(3, activation="softmax", name="probabilities"),
    ]
    others = [*layers[:3], keras.layers.Dense(7, activation="tanh", name="hidden_2"), layers[-1]]
    for number, stack in enumerate((layers, others)):
        model = keras.Sequential(stack)
        archive.save(model, tmp_path / f"{number}.keras")
        expected = model.predict(images, verbose=0)
        np.testing.assert_allclose(predict.load_network(tmp_path / f"{number}.keras")(images), expected, atol=1e-6)


@pytest.mark.slow
def test_the_trained_network_answers(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(predict, "PROJECT", finished)
    image = np.zeros((28, 28), np.uint8)
    image[6:14, 4:24] = 200  # the 3 of the tiny MNIST
    Image.fromarray(image).save(tmp_path / "three.png")
    monkeypatch.setattr(sys, "argv", ["predict.py", str(tmp_path / "three.png"), "--json"])
    with pytest.raises(SystemExit) as end:
        predict.main()
    assert end.value.code == 0
    ((entry,), (digit,)) = (entries := json.loads(capsys.readouterr().out)), entries[0]["digits"]
    assert entry["error"] is None
    expected = predict.load_network(finished / archive.PATH)(pack.as_ink(image)[None] / np.float32(255))[0]
    assert digit["digit"] == str(expected.argmax())
    assert digit["confidence"] == pytest.approx(expected.max(), abs=1e-6)


def test_dense_networks_answer_without_importing_large_libraries(tmp_path):
    for path in ("models/model.keras", "reports/evaluate/validation_predictions.csv"):
        if not (PROJECT / path).exists():
            pytest.skip(f"no {path}: run dvc repro")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    result = run(tmp_path, sys.executable, "-X", "importtime", str(PROJECT / "tools/predict.py"), "blank.png")
    assert result.stdout == "blank.png: no ink found\n"
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert imported & {"numpy", "tensorflow", "keras", "matplotlib", "pandas", "sklearn"} == {"numpy", "pandas"}


def test_without_a_network_predict_names_the_stage_to_run(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    monkeypatch.setattr(predict, "PROJECT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["predict.py", "one.png"])
    with pytest.raises(predict.PipelineError, match="models/model.keras is missing: run `python stages/train"):
        predict.main()
