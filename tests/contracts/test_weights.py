import re

import numpy as np
import pytest

from common.errors import PipelineError
from contracts import archive
from network.determinism import keras


def test_the_weights_are_those_of_keras_layer_after_layer(finished):
    path = finished / "models/model.keras"
    expected = keras.saving.load_model(path).get_weights()
    arrays = archive.load_weights(path)
    assert [array.shape for array in arrays.values()] == [(784, 16), (16,), (16, 8), (8,), (8, 10), (10,)]
    for found, array in zip(arrays.values(), expected, strict=True):
        np.testing.assert_array_equal(found, array)


def test_the_arrays_of_many_layers_are_in_their_order(tmp_path):
    network = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(i) for i in range(1, 13))])
    network.save(tmp_path / "model.keras")
    shapes = [array.shape for array in archive.load_weights(tmp_path / "model.keras").values()]
    assert shapes == [array.shape for array in network.get_weights()]


def test_an_archive_that_is_missing_or_damaged_is_an_error(tmp_path):
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        archive.load_weights(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_bytes(b"no zip")
    with pytest.raises(PipelineError, match=re.escape("cannot be read (File is not a zip file)")):
        archive.load_weights(tmp_path / "model.keras")
