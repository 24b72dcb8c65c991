"""The tables that no stage writes, in a made-up history: each must agree with the commit that wrote it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comparison import study
from comparison.revisions import PREDICTIONS
from fixtures import PROJECT, commit, succeed
from verification.records import CURVES, RECORD, find_faults

LOCK = "stages: {train: {outs: [{path: models/model.keras, md5: m1}]}}\n"


def predictions(wrong: int) -> pd.DataFrame:
    actual = np.arange(100) % 10
    predicted = (actual + (np.arange(100) < wrong)) % 10
    return pd.DataFrame({"index": range(100), "actual": actual, "predicted": predicted, "loss": 0.01 * wrong})


def write(path: str | Path, content: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def written(tmp_path, monkeypatch) -> Path:
    """The current folder: results of seed 1, a study of seeds 0 to 2, a recipe of one seed; committed."""
    monkeypatch.chdir(tmp_path)
    frames = [predictions(wrong) for wrong in (7, 5, 6)]
    rows = [
        {"seed": i, "model": f"m{i}"}
        | {f"{prefix}{name}": value for prefix in ("val_", "") for name, value in measured(frame).items()}
        for i, frame in enumerate(frames)
    ]
    study.save(rows, dict.fromkeys(PREDICTIONS, frames))
    for path in PREDICTIONS.values():
        write(path, frames[1].to_csv(index=False))
    write("dvc.lock", LOCK)
    write("params.yaml", "train: {seed: 1}\n")
    write("reports/train/metrics.json", {"val_accuracy": 0.95, "val_loss": 0.05})
    write("reports/evaluate/metrics.json", {"accuracy": 0.95, "errors": 5, "loss": 0.05, "images": 100})
    write("recipes/ten.yaml", "train: {epochs: 2}\n")
    write(RECORD, "recipe,seed,epochs,val_accuracy,accuracy,errors\nten,0,2,0.9,0.91,9\n")
    write(CURVES, "recipe,seed,epoch,minutes,val_accuracy\nten,0,1,0.1,0.8\nten,0,2,0.2,0.9\n")
    succeed(tmp_path, "git", "init", "--quiet")
    commit(tmp_path, "results")
    return tmp_path


def measured(frame: pd.DataFrame) -> dict[str, float]:
    errors = int((frame["actual"] != frame["predicted"]).sum())
    return {"accuracy": 1 - errors / len(frame), "errors": errors, "loss": frame["loss"].mean()}


def replaced(path: Path, old: str, new: str) -> None:
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        (study.TABLE, "1,m1,", "1,m9,", "model of seed 1 is m9, in the results m1"),
        (study.TABLE, "0.950000,5,0.050000\n", "0.950000,1,0.050000\n", "are not a study (from different runs)"),
        (study.TABLE, "0.950000,5,0.050000\n", "0.950000,5,0.010000\n", "loss of seed 1 is 0.01"),
        (study.TABLE, "0,m0,0.930000", "0,m0,0.990000", "val_accuracy of seed 0 is not that of reports/seeds.npz"),
        (study.TABLE, "seed,", "", "are not a study (\"['seed'] not in index\")"),
        (RECORD, "0.91,9", "0.99,9", "accuracy 0.99 with 9 errors in 100 images"),
        (RECORD, "0.9,0.91", "0.99,0.91", "its curve in reports/record_curves.csv has another end"),
        (RECORD, "ten,0", "eleven,0", "recipe eleven, seed 0: there is no such recipe"),
    ],
)
def test_a_forged_number_is_named(written, path, old, new, named):
    assert find_faults(written, "HEAD") == []
    replaced(path, old, new)
    commit(written, "forged")
    assert any(named in line for line in find_faults(written, "HEAD"))


def test_forged_scores_of_the_committed_seed_are_named(written):
    with np.load(study.SCORES) as archive:
        arrays = {split: archive[split].copy() for split in archive.files}
    arrays["test"][1, 0] = np.roll(arrays["test"][1, 0], 1)  # as many errors, on other images
    np.savez(study.SCORES, **arrays)
    commit(written, "forged")
    assert find_faults(written, "HEAD") == [
        "reports/seeds.npz: seed 1 has other test scores than reports/evaluate/predictions.csv"
    ]


def test_a_table_stays_true_when_a_later_commit_has_other_results(written):
    replaced(Path("dvc.lock"), "m1", "m7")
    write("reports/evaluate/metrics.json", {"accuracy": 0.5, "errors": 50, "loss": 0.5, "images": 100})
    Path("recipes/ten.yaml").unlink()
    commit(written, "later")
    assert find_faults(written, "HEAD") == []
    succeed(written, "git", "rm", "--quiet", "-r", "reports")
    commit(written, "no tables")
    assert find_faults(written, "HEAD") == []


def test_the_tables_of_the_project_are_true():
    assert find_faults(PROJECT, "HEAD") == []
