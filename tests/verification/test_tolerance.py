"""The tolerance for numbers on machines where equal bytes are not promised."""

import json

import pandas as pd
import pytest

from verification.tolerance import outside

METRICS = {"accuracy": 0.985, "accuracy_per_digit": {"0": 0.99}, "errors": 150, "images": 10000, "loss": 0.065}
PREDICTIONS = pd.DataFrame(
    {"index": range(2000), "actual": 1, "predicted": [1] * 1960 + [2] * 40, "confidence": 0.9, "loss": 0.1}
)
ROBUSTNESS = pd.DataFrame({"change": ["noisy", "blank"], "images": [100, 1], "accuracy": [0.8, None]})
CALIBRATION = pd.DataFrame({"low": [0.8, 0.9], "images": [10, 9990], "accuracy": [0.5, 0.99]})


def csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def metrics(**changes: object) -> bytes:
    return json.dumps(METRICS | changes).encode()


@pytest.mark.parametrize(
    ("path", "committed", "found", "named"),
    [
        ("reports/metrics.json", metrics(), metrics(accuracy=0.9875, loss=0.074, errors=125), None),
        ("reports/metrics.json", metrics(), metrics(accuracy=0.989), "metrics.accuracy is 0.989, committed 0.985"),
        ("reports/metrics.json", metrics(), metrics(loss=0.08), "metrics.loss"),
        ("reports/metrics.json", metrics(), metrics(images=10001), "metrics.images"),
        ("reports/metrics.json", metrics(), metrics(accuracy_per_digit={"0": 0.96}), "metrics.accuracy_per_digit.0"),
        ("reports/metrics.json", metrics(), metrics(accuracy_per_digit={}), "has other columns or rows"),
        ("reports/metrics.json", metrics(), b"not JSON", "cannot be read"),
        ("predictions.csv", csv(PREDICTIONS), csv(PREDICTIONS.sample(frac=1, random_state=0)), None),
        ("predictions.csv", csv(PREDICTIONS), csv(PREDICTIONS.assign(predicted=1)), "predictions.mean.right"),
        ("predictions.csv", csv(PREDICTIONS), csv(PREDICTIONS.assign(loss=0.2)), "predictions.mean.loss"),
        ("robustness.csv", csv(ROBUSTNESS), csv(ROBUSTNESS.assign(accuracy=[0.7, None])), None),
        ("robustness.csv", csv(ROBUSTNESS), csv(ROBUSTNESS.assign(accuracy=[0.3, None])), "robustness.0.accuracy"),
        ("robustness.csv", csv(ROBUSTNESS), csv(ROBUSTNESS.assign(accuracy=[0.8, 0.5])), "robustness.1.accuracy"),
        ("calibration.csv", csv(CALIBRATION), csv(CALIBRATION[1:]), None),
        ("calibration.csv", csv(CALIBRATION), csv(CALIBRATION.assign(accuracy=0.9)), "calibration.mean.accuracy"),
        ("figure.png", b"one", b"another", None),
    ],
)
def test_every_number_has_a_tolerance(path, committed, found, named):
    lines = outside(path, committed, found, exact=False)
    assert bool(lines) == bool(named)
    assert named is None or named in lines[0]


def test_without_a_tolerance_every_difference_is_named():
    lines = outside("metrics.json", metrics(), metrics(accuracy=0.985001, errors=151), exact=True)
    assert [line.split()[1] for line in lines] == ["metrics.accuracy", "metrics.errors"]
