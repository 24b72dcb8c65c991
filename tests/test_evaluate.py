import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, recall_score

from common.determinism import keras
from conftest import succeed
from evaluate import accuracy_interval, measure, save_predictions

NAMES = ["a", "b", "c"]
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25], [0, 0, 1]], np.float32)
LABELS = np.array([0, 1, 1, 2], np.uint8)


def test_measures_of_four_images_by_hand():
    metrics = measure(PROBABILITIES, LABELS, NAMES, 0.95)
    assert metrics["accuracy"] == 0.75
    assert metrics["errors"] == 1
    assert metrics["images"] == 4
    assert metrics["accuracy_per_digit"] == {"a": 1.0, "b": 0.5, "c": 1.0}
    assert metrics["loss"] == pytest.approx(-(np.log(0.7) + np.log(0.8) + np.log(0.25) + 0) / 4, abs=1e-6)


def test_measures_agree_with_scikit_learn_and_keras():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(10), 500).astype(np.float32)
    labels = random.integers(0, 10, 500)
    metrics = measure(probabilities, labels, list("0123456789"), 0.95)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(axis=1)), abs=1e-6)
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities.astype(float)), abs=1e-5)
    assert metrics["loss"] == pytest.approx(
        float(keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)), abs=1e-5
    )
    recalls = recall_score(labels, probabilities.argmax(axis=1), average=None)
    assert list(metrics["accuracy_per_digit"].values()) == pytest.approx(recalls.tolist(), abs=1e-6)


def test_a_probability_of_zero_leaves_the_loss_finite():
    metrics = measure(np.array([[0, 1]], np.float32), np.array([0]), ["a", "b"], 0.95)
    assert metrics["loss"] == pytest.approx(-np.log(1e-7), abs=1e-5)
    assert metrics["accuracy_per_digit"] == {"a": 0.0}


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_wilson(correct, n, low, high):
    interval = accuracy_interval(correct, n, 0.95)
    assert (interval["low"], interval["high"]) == pytest.approx((low, high), abs=5e-5)


def test_predictions_have_one_row_an_image(tmp_path):
    save_predictions(tmp_path / "p.csv", PROBABILITIES, LABELS)
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "index,actual,predicted,confidence",
        "0,0,0,0.700000",
        "1,1,1,0.800000",
        "2,1,0,0.500000",
        "3,2,2,1.000000",
    ]


def test_the_stage_agrees_with_plain_keras(finished):
    metrics = json.loads((finished / "reports/evaluate/metrics.json").read_text())
    predictions = pd.read_csv(finished / "reports/evaluate/predictions.csv")
    assert metrics["errors"] == (predictions["actual"] != predictions["predicted"]).sum()
    network = keras.saving.load_model(finished / "models/model.keras")
    images, labels = (np.load(finished / f"data/normalized/test/{name}.npy") for name in ("images", "labels"))
    loss, accuracy = network.evaluate(images, labels, verbose=0)
    assert metrics["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert metrics["loss"] == pytest.approx(loss, abs=1e-4)
    assert predictions["index"].tolist() == list(range(len(labels)))


def test_dvc_shows_the_metrics(finished):
    shown = json.loads(succeed(finished, "dvc", "metrics", "show", "--json"))[""]["data"]
    metrics = json.loads((finished / "reports/evaluate/metrics.json").read_text())
    assert shown["reports/evaluate/metrics.json"]["data"] == metrics
