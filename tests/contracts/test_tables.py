import numpy as np
import pandas as pd
import pytest

from common.errors import PipelineError
from contracts import tables


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_rows_come_back_as_they_were_saved_with_six_decimals():
    rows = [("NA", -45, 10, 0.5, 0.123456), ("blank", 0, 1, np.nan, 1 / 3)]
    table = pd.DataFrame(rows, columns=[*tables.COLUMNS[tables.ROBUSTNESS]])
    tables.save(tables.ROBUSTNESS, table)
    assert tables.ROBUSTNESS.read_text().splitlines()[1:] == ["NA,-45,10,0.500000,0.123456", "blank,0,1,,0.333333"]
    pd.testing.assert_frame_equal(tables.load(tables.ROBUSTNESS), table.round(6))


@pytest.mark.parametrize(("path", "stage"), [(tables.PREDICTIONS, "evaluate"), (tables.HISTORY, "train")])
def test_a_table_that_is_missing_is_an_error(path, stage):
    with pytest.raises(PipelineError, match=rf"run `python stages/{stage}\.py` first"):
        tables.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "No columns"),
        (b"a,b\n1,2\n", "expected but not found"),
        (b"index,actual,predicted,confidence,loss\n0,1,one,0.5,0\n", "'one'"),
        (b"index,actual,predicted,confidence,loss\n0,1\n", "NA values"),
        (b"\xff\xfe", "decode"),
    ],
)
def test_a_table_that_is_another_is_an_error(content, message):
    tables.EVALUATE.mkdir(parents=True)
    tables.PREDICTIONS.write_bytes(content)
    with pytest.raises(PipelineError, match=f"{message}.*; run `dvc repro --force --single-item evaluate`"):
        tables.load(tables.PREDICTIONS)


def test_the_most_confident_mistakes_come_first_and_equal_ones_in_order():
    rows = [(0, 1, 1, 0.9), (1, 1, 2, 0.6), (2, 0, 2, 0.8), (3, 2, 0, 0.8), (4, 2, 2, 1.0)]
    predictions = pd.DataFrame(rows, columns=["index", "actual", "predicted", "confidence"])
    assert tables.most_confident_mistakes(predictions, 10)["index"].tolist() == [2, 3, 1]
    assert tables.most_confident_mistakes(predictions, 1)["index"].tolist() == [2]
