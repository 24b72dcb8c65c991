"""A study of seeds as Git holds it."""

import numpy as np
import pandas as pd
import pytest

from comparison import study


def frame(wrong: int, images: int) -> pd.DataFrame:
    actual = np.arange(images) % 10
    predicted = (actual + (np.arange(images) < wrong)) % 10
    return pd.DataFrame({"actual": actual, "predicted": predicted, "loss": np.linspace(0, 16.1, images)})


@pytest.fixture
def saved(tmp_path, monkeypatch) -> tuple[bytes, bytes]:
    """The two files of a study of seeds 0 and 1."""
    monkeypatch.chdir(tmp_path)
    frames = {"validation": [frame(3, 30), frame(4, 30)], "test": [frame(1, 20), frame(2, 20)]}
    study.save([{"seed": i, "val_errors": 3 + i, "errors": 1 + i, "model": "m"} for i in range(2)], frames)
    return study.TABLE.read_bytes(), study.SCORES.read_bytes()


def test_a_saved_study_is_read_to_a_thousandth(saved):
    found, fault = study.parse(*saved)
    assert fault == ""
    assert found.table["seed"].tolist() == [0, 1]
    shapes = {split: scores.shape for split, scores in found.scores.items()}
    assert shapes == {"validation": (2, 2, 30), "test": (2, 2, 20)}
    accuracy, loss = found.scores["validation"][1]
    assert accuracy.tolist() == [0] * 4 + [1] * 26
    assert loss == pytest.approx(np.linspace(0, 16.1, 30), abs=5e-4)


def test_files_that_do_not_hold_a_study_are_reported(saved):
    table, scores = saved
    head, first, _ = table.splitlines(keepends=True)
    assert study.parse(None, None) == (None, "")
    for content, fault in [
        ((table, None), "are not a study ("),
        ((table, scores[: len(scores) // 2]), "are not a study ("),
        ((b"seed,errors\n0,1\n1,2\n", scores), "val_errors"),
        ((head, scores), "from different runs"),
        ((table.replace(b"0,3,1,m", b"0,5,1,m"), scores), "from different runs"),
        ((head + first + b"7,3,1,m\n7,3,1,m\n", scores), "from different runs"),
    ]:
        found, message = study.parse(*content)
        assert found is None
        assert fault in message
