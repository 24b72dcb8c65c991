import pytest

from common.errors import PipelineError
from contracts import tables
from contracts.tables import Prediction, Robustness


def test_rows_come_back_as_they_were_saved_with_six_decimals(tmp_path):
    rows = [Robustness("rotated", -45, 10, 0.5, 0.123456), Robustness("blank", 0, 1, None, 1 / 3)]
    tables.save(tmp_path / "t.csv", rows)
    assert tables.load(tmp_path / "t.csv", Robustness) == [rows[0], rows[1]._replace(confidence=0.333333)]


def test_a_table_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(PipelineError, match=r"run `python stages/evaluate\.py` first"):
        tables.load(tmp_path / "t.csv", Prediction)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected columns .* found \\[\\]"),
        (b"a,b\n1,2\n", "expected columns .* found \\['a', 'b'\\]"),
        (b"index,actual,predicted,confidence,loss\n0,1,one,0.5,0\n", "'one'"),
        (b"index,actual,predicted,confidence,loss\n0,1,1\n", "shorter"),
        (b"0" * 200_000, "field larger than"),
        (b"\xff\xfe", "decode"),
    ],
)
def test_a_table_that_is_another_is_an_error(content, message, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=f"{message}.*; run `dvc repro --force --single-item evaluate`"):
        tables.load(tmp_path / "t.csv", Prediction)


def test_the_most_confident_mistakes_come_first_and_equal_ones_in_order():
    rows = [(0, 1, 1, 0.9), (1, 1, 2, 0.6), (2, 0, 2, 0.8), (3, 2, 0, 0.8), (4, 2, 2, 1.0)]
    predictions = [Prediction(*row, loss=0.1) for row in rows]
    assert [row.index for row in tables.most_confident_mistakes(predictions, 10)] == [2, 3, 1]
    assert [row.index for row in tables.most_confident_mistakes(predictions, 1)] == [2]
