import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from common.errors import PipelineError
from contracts import tables
from plot import count_confusions, deform, read_history


def test_confusions_agree_with_scikit_learn():
    actual, predicted = [1, 1, 0, 2, 2], [1, 2, 2, 0, 2]
    rows = [tables.Prediction(i, *pair, 0.9, 0.1) for i, pair in enumerate(zip(actual, predicted, strict=True))]
    assert count_confusions(rows, 3).tolist() == confusion_matrix(actual, predicted).tolist()


def test_every_kind_of_augmentation_deforms_differently_each_time_but_the_original():
    images = np.random.default_rng(0).random((2, 28, 28), np.float32)
    deformed = deform(images, 0)
    np.testing.assert_array_equal(deformed["none"], images[None])
    every = np.concatenate([np.stack(arrays) for arrays in deformed.values()])
    assert len(np.unique(every[:, 0], axis=0)) == len(every) == 10


def test_a_missing_or_broken_history_is_an_error(tmp_path):
    path = tmp_path / "history.csv"
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        read_history(path)
    for content, message in [(b"", "No columns"), (b"a,b\n1,2\n", "expected but not found"), (b"\xff", "decode")]:
        path.write_bytes(content)
        with pytest.raises(PipelineError, match=f"history.csv: .*{message}.*; run `dvc repro --force"):
            read_history(path)
