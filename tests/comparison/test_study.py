"""A study of seeds as Git holds it, and whether it belongs to the settings it is used for."""

import numpy as np
import pandas as pd
import pytest

from comparison import study
from running import lock

ROW = {"settings": "s", "model": "m"}


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
    other = table.replace(b"0,3,1,s,m", b"0,5,1,s,m")
    assert other != table
    assert study.parse(None, None) == (None, "")
    for content, fault in [
        ((table, None), "reports/seeds.npz is missing"),
        ((None, scores), "reports/seeds.csv is missing"),
        ((b"", scores), "it cannot be read"),
        ((table, b"version https://git-lfs.github.com/spec/v1\n"), "it is a Git LFS pointer"),
        ((table, scores[: len(scores) // 2]), "it cannot be read"),
        ((b"seed,errors\n0,1\n1,2\n", scores), "lacks the columns model, settings, val_errors"),
        ((table.splitlines(keepends=True)[0], scores), "has 0 rows, a spread needs two"),
        ((other, scores), "are from different runs"),
        (
            (b"".join(table.splitlines(keepends=True)[:2]) + b"7,3,1,s,m\n7,3,1,s,m\n", scores),
            "from different runs",
        ),
    ]:
        found, said = study.parse(*content)
        assert found is None
        assert fault in said


def lock_of(seed: int = 0, model: str = "m", **changes: object) -> dict:
    train = {
        "cmd": "python stages/train.py",
        "deps": [{"path": "stages/train.py", "md5": changes.get("code", "c")}, {"path": "data", "md5": "d.dir"}],
        "params": {"params.yaml": {"train": {"epochs": changes.get("epochs", 10), "seed": seed}}},
        "outs": [{"path": "models/model.keras", "md5": model}],
    }
    evaluate = {"cmd": "python stages/evaluate.py", "deps": [{"path": "models/model.keras", "md5": model}]}
    return {"stages": {"train": train, "evaluate": evaluate}}


def test_the_digest_of_the_settings_leaves_out_the_seed_and_what_it_made_and_nothing_else():
    digest = lock.settings(lock_of())
    assert lock.settings(lock_of(seed=3, model="other")) == digest
    assert len({digest, lock.settings(lock_of(code="reworded")), lock.settings(lock_of(epochs=11))}) == 3
    assert lock.settings({"stages": {"train": {}}}) is None
    assert lock.settings({}) is None


def made(locked: dict) -> study.Study:
    """A study of seeds 0 and 1 of these settings, with the networks m and n."""
    table = pd.DataFrame({"seed": [0, 1], "settings": lock.settings(locked), "model": ["m", "n"]})
    return study.Study(table, {})


@pytest.mark.parametrize(
    ("locked", "seed", "expected"),
    [
        (lock_of(), 0, True),
        (lock_of(seed=42, model="x"), 42, True),  # the settings are the same, whichever seed was committed
        (lock_of(code="reworded"), 0, True),  # the same network
        (lock_of(code="reworded", model="x"), 0, False),
        (lock_of(code="reworded", seed=42, model="x"), 42, False),  # no row for this seed: nothing to hold it against
        (lock_of(code="reworded", seed=1, model="m"), 1, False),  # the network of another seed
        (None, 0, False),
    ],
)
def test_a_study_belongs_to_its_settings_or_to_the_very_network(locked, seed, expected):
    assert study.belongs(made(lock_of()), locked, seed) is expected
