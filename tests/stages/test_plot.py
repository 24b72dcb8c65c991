import re

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from common.errors import PipelineError
from contracts import tables
from plot import COLUMNS, count_confusions, deform, first_of_each, read_history


def test_confusions_agree_with_scikit_learn():
    actual, predicted = [1, 1, 0, 2, 2], [1, 2, 2, 0, 2]
    rows = [tables.Prediction(i, *pair, 0.9, 0.1) for i, pair in enumerate(zip(actual, predicted, strict=True))]
    assert count_confusions(rows, 3).tolist() == confusion_matrix(actual, predicted).tolist()


def test_the_first_image_of_each_digit_that_occurs():
    assert first_of_each(np.array([2, 0, 2, 0, 4]), 5) == [1, 0, 4]


def test_every_kind_of_augmentation_deforms_differently_each_time_but_the_original():
    images = np.random.default_rng(0).random((2, 28, 28), np.float32)
    deformed = deform(images, 0)
    np.testing.assert_array_equal(deformed["none"], images[None])
    every = np.concatenate([np.stack(times) for times in deformed.values()])
    assert len(np.unique(every[:, 0], axis=0)) == len(every) == 10


def test_a_history_that_is_missing_or_other_is_an_error(tmp_path):
    path = tmp_path / "history.csv"
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        read_history(path)
    for content, message in [
        ("", "is not a CSV file"),
        ("a,b\n1,2\n", re.escape(f"expected columns {COLUMNS}, found ['a', 'b']")),
    ]:
        path.write_text(content)
        with pytest.raises(PipelineError, match=message):
            read_history(path)
