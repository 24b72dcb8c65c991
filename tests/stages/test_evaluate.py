import json

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, log_loss

import evaluate
import plot
import report
from contracts import archive, tables
from evaluation.measures import SMALLEST, calibrate, list_predictions, measure, measure_digits, most_ambiguous
from network import predict
from network.determinism import keras

NAMES = ["a", "b", "c"]
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25], [0, 0, 1]], np.float32)
LABELS = np.array([0, 1, 1, 2], np.uint8)


def measured(probabilities, labels, names):
    predictions = list_predictions(probabilities, labels)
    return measure(probabilities, predictions, measure_digits(predictions, names), calibrate(predictions, 10), 0.95)


def answers(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["actual", "predicted", "confidence"])


@pytest.fixture
def random_answers():
    random = np.random.default_rng(0)
    return random.dirichlet(np.ones(10), 500), random.integers(0, 10, 500)


def test_measures_of_four_images_by_hand():
    metrics = measured(PROBABILITIES, LABELS, NAMES)
    assert (metrics["errors"], metrics["images"]) == (1, 4)
    assert metrics["accuracy_per_digit"] == {"a": 1.0, "b": 0.5, "c": 1.0}
    # each image is alone in its bin: right with 0.7, right with 0.8, wrong with 0.5, right with 1
    assert metrics["expected_calibration_error"] == pytest.approx((0.3 + 0.2 + 0.5 + 0) / 4, abs=1e-6)
    assert metrics["macro_average"] == {
        "precision": pytest.approx((1 / 2 + 1 + 1) / 3, abs=1e-6),
        "recall": pytest.approx((1 + 1 / 2 + 1) / 3, abs=1e-6),
        "f1": pytest.approx((2 / 3 + 2 / 3 + 1) / 3, abs=1e-6),
    }


def test_measures_agree_with_scikit_learn_and_keras(random_answers):
    assert keras.config.epsilon() == SMALLEST
    probabilities, labels = random_answers
    metrics = measured(probabilities.astype(np.float32), labels, list("0123456789"))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(axis=1)), abs=1e-6)
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities), abs=1e-5)
    keras_loss = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert metrics["loss"] == pytest.approx(float(keras_loss), abs=1e-5)
    assert metrics["brier_score"] == pytest.approx(((probabilities - np.eye(10)[labels]) ** 2).sum() / 500, abs=1e-6)


def test_a_digit_without_images_has_no_measures_and_does_not_count_in_the_means(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables.save(tables.PER_DIGIT, measure_digits(answers((0, 1, 0.9), (0, 0, 0.9), (2, 0, 0.9)), ["a", "b", "c"]))
    lines = ["a,2,0.500000,0.500000,0.500000", "b,0,,,", "c,1,0.000000,0.000000,0.000000"]
    assert tables.PER_DIGIT.read_text().splitlines()[1:] == lines
    metrics = measured(np.array([[1, 0], [1, 0]], np.float32), np.array([0, 0]), ["a", "b"])
    assert metrics["macro_average"] == {"precision": 1, "recall": 1, "f1": 1}
    worst = measured(np.array([[0, 1]], np.float32), np.array([0]), ["a", "b"])
    assert (worst["loss"], worst["brier_score"]) == (pytest.approx(-np.log(1e-7), abs=1e-5), 2)


def test_the_bins_are_those_of_scikit_learn_and_leave_no_image_out(random_answers):
    probabilities, labels = random_answers
    predictions = list_predictions(probabilities.astype(np.float32), labels)
    confidence, correct = probabilities.max(axis=1), predictions["actual"] == predictions["predicted"]
    bins = calibrate(predictions, 10)
    accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=10)
    assert bins["accuracy"].tolist() == pytest.approx(accuracy.tolist())
    assert bins["confidence"].tolist() == pytest.approx(mean_confidence.tolist(), abs=1e-6)
    assert bins["images"].sum() == 500
    assert (bins["confidence"] > bins["low"]).all()
    assert (bins["confidence"] <= bins["high"]).all()


def test_an_empty_bin_has_no_row_and_a_bound_belongs_to_the_bin_below():
    bins = calibrate(answers((0, 0, 0.5), (0, 0, 1), (1, 0, 1)), 4)
    rows = bins[["low", "high", "images", "confidence", "accuracy"]].to_numpy()
    assert rows.tolist() == [[0.25, 0.5, 1, 0.5, 1], [0.75, 1, 2, 1, 0.5]]


def test_the_smallest_margin_is_the_most_ambiguous_and_equal_ones_are_in_order():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0, 0.5, 0.5]], np.float32)
    table = most_ambiguous(probabilities, np.array([2, 1, 0]), 2)[[*tables.COLUMNS[tables.AMBIGUOUS]]]
    assert table.to_numpy().tolist() == [[2, 0, 1, 0.5, 2, 0.5], [0, 2, 0, 0.5, 1, 0.25]]


def test_predictions_have_one_row_an_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables.save(tables.PREDICTIONS, list_predictions(PROBABILITIES, LABELS))
    assert tables.PREDICTIONS.read_text().splitlines() == [
        "index,actual,predicted,confidence,loss",
        "0,0,0,0.700000,0.356675",  # -ln 0.7
        "1,1,1,0.800000,0.223144",
        "2,1,0,0.500000,1.386294",
        "3,2,2,1.000000,0.000000",
    ]


def test_the_predictions_of_both_splits_agree_with_plain_keras_and_the_metrics(finished):
    network = keras.saving.load_model(finished / "models/model.keras")
    for split, name, folder, prefix in [
        ("test", "predictions", "evaluate", ""),
        ("validation", "validation_predictions", "train", "val_"),
    ]:
        predictions = pd.read_csv(finished / f"reports/evaluate/{name}.csv")
        metrics = json.loads((finished / f"reports/{folder}/metrics.json").read_text())
        images, labels = (np.load(finished / f"data/normalized/{split}/{kind}.npy") for kind in ("images", "labels"))
        loss, accuracy = network.evaluate(images, labels, verbose=0)
        assert predictions["index"].tolist() == list(range(len(labels)))
        assert predictions["actual"].tolist() == labels.tolist()
        right = predictions["actual"] == predictions["predicted"]
        assert metrics.get("errors", (~right).sum()) == (~right).sum()
        assert (
            right.mean() == pytest.approx(metrics[f"{prefix}accuracy"], abs=1e-6) == pytest.approx(accuracy, abs=1e-6)
        )
        assert predictions["loss"].mean() == pytest.approx(metrics[f"{prefix}loss"], abs=2e-5)
        assert metrics[f"{prefix}loss"] == pytest.approx(loss, abs=1e-4)


@pytest.mark.slow
def test_a_network_that_gives_one_answer_to_everything_is_evaluated_drawn_and_reported(project, monkeypatch):
    monkeypatch.chdir(project)
    path = project / archive.PATH
    network = predict.load(path)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([np.zeros_like(kernel), np.eye(len(bias), dtype=np.float32)[7] * 1000])
    archive.save(network, path)
    for stage in (evaluate, plot, report):
        stage.main()
    metrics = json.loads((project / "reports/evaluate/metrics.json").read_text())
    assert metrics["accuracy"] == 0.1
    assert metrics["accuracy_per_digit"] == {str(digit): float(digit == 7) for digit in range(10)}
    for name in ("model_card.md", "index.html"):
        assert "10.00\N{NO-BREAK SPACE}%" in (project / "reports" / name).read_text()
