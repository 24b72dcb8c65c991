"""A study of seeds as Git holds it, and whether it belongs to the network it is used for."""

import numpy as np
import pandas as pd
import pytest

from comparison import study
from running import lock

ROW = {"model": "m"}


def frame(wrong: int, images: int = 30) -> pd.DataFrame:
    actual = np.arange(images) % 10
    predicted = (actual + (np.arange(images) < wrong)) % 10
    return pd.DataFrame(
        {
            "actual": actual,
            "predicted": predicted,
            "confidence": 0.75,
            "loss": np.linspace(0, 16.1, images),
        }
    )


@pytest.fixture
def saved(tmp_path, monkeypatch) -> tuple[bytes, bytes]:
    """The two files of a study of seeds 0 and 1."""
    monkeypatch.chdir(tmp_path)
    frames = {"validation": [frame(3), frame(4)], "test": [frame(1, 20), frame(2, 20)]}
    rows = [{"seed": i, "val_errors": 3 + i, "errors": 1 + i, **ROW} for i in range(2)]
    study.save(rows, frames)
    return study.TABLE.read_bytes(), study.SCORES.read_bytes()


def test_what_was_saved_is_read_again_to_a_thousandth(saved):
    found, fault = study.parse(*saved)
    assert fault == ""
    assert found.table["seed"].tolist() == [0, 1]
    assert {split: scores.shape for split, scores in found.scores.items()} == {
        "validation": (2, 2, 30),
        "test": (2, 2, 20),
    }
    accuracy, loss = found.scores["validation"][1]
    assert accuracy.tolist() == [0] * 4 + [1] * 26
    assert loss == pytest.approx(np.linspace(0, 16.1, 30), abs=5e-4)


def test_files_that_hold_no_study_are_told_apart(saved):
    table, scores = saved
    other = table.replace(b"0,3,1,m", b"0,5,1,m")
    assert other != table
    assert study.parse(None, None) == (None, "")
    for content, fault in [
        ((table, None), "reports/seeds.npz is missing"),
        ((None, scores), "reports/seeds.csv is missing"),
        ((b"", scores), "it cannot be read"),
        ((table, b"version https://git-lfs.github.com/spec/v1\n"), "it is a Git LFS pointer"),
        ((table, scores[: len(scores) // 2]), "it cannot be read"),
        ((b"seed,errors\n0,1\n1,2\n", scores), "lacks the columns model, val_errors"),
        ((table.splitlines(keepends=True)[0], scores), "has 0 rows, a spread needs two"),
        ((other, scores), "are from different runs"),
        (
            (b"".join(table.splitlines(keepends=True)[:2]) + b"7,3,1,m\n7,3,1,m\n", scores),
            "from different runs",
        ),
    ]:
        found, said = study.parse(*content)
        assert found is None
        assert fault in said


def test_a_study_belongs_to_the_network_of_its_committed_seed():
    locked = {"stages": {"train": {"outs": [{"path": lock.MODEL, "md5": "m"}]}}}
    found = study.Study(pd.DataFrame({"seed": [0, 1], "model": ["m", "n"]}), {})
    assert study.belongs(found, locked, 0)
    assert not study.belongs(found, locked, 1)  # the network of another seed
    assert not study.belongs(found, locked, 42)  # no row for this seed: nothing to hold it against
    assert not study.belongs(found, None, 0)
