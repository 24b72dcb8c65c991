import json
import zipfile

import numpy as np
import pytest

from common.errors import PipelineError
from contracts import archive
from fixtures import dense, succeed
from network import predict
from network.build import build
from network.determinism import keras

IMAGES = np.random.default_rng(0).random((20, 28, 28), np.float32)


def trained(seed=0):
    network = build(dense(6, 5), 10, seed)
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(IMAGES, np.arange(20) % 10, batch_size=20, verbose=0)
    return network


def test_the_archive_is_the_same_bytes_for_the_same_model(tmp_path):
    for name in ("a", "b"):
        keras.utils.clear_session()
        archive.save(trained(), tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "b.keras"]


def test_the_archive_has_neither_date_nor_address_nor_an_unset_option_that_older_versions_of_keras_refuse(tmp_path):
    """Those that were tried are in docs/troubleshooting.md; Keras 3.12 knew none of these three options."""
    archive.save(trained(), tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as members:
        assert {entry.date_time for entry in members.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(members.read("metadata.json")).keys() == {"keras_version"}
        config = members.read("config.json").decode()
    assert "dtype" in config
    assert not [option for option in ("quantization_config", "input_axes", "output_axes") if option in config]
    assert archive.canonical("config.json", b'{"input_axes": [0], "x": null}') == b'{"input_axes": [0], "x": null}'


def test_shared_objects_stay_shared():
    entries = '{"a": {"shared_object_id": 140}, "b": [{"shared_object_id": 99}, {"shared_object_id": 140}]'
    content = (entries + ', "date_saved": "now"}').encode()
    assert json.loads(archive.canonical("config.json", content)) == {
        "a": {"shared_object_id": 1},
        "b": [{"shared_object_id": 2}, {"shared_object_id": 1}],
    }
    assert archive.canonical("model.weights.h5", content) == content


@pytest.mark.slow
def test_plain_keras_opens_the_archive_and_predicts_the_same(tmp_path):
    network = trained()
    archive.save(network, tmp_path / "a.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import keras, numpy as np; "
        "np.save('plain.npy', keras.saving.load_model('a.keras').predict(np.load('images.npy'), verbose=0))"
    )
    succeed(tmp_path, "python", "-c", code)
    np.testing.assert_array_equal(np.load(tmp_path / "plain.npy"), network.predict(IMAGES, verbose=0))


def test_the_arrays_are_those_of_keras_in_the_order_of_the_layers(tmp_path):
    network = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(i) for i in range(1, 13))])
    network.save(tmp_path / "model.keras")
    arrays = archive.load_weights(tmp_path / "model.keras").values()
    for found, expected in zip(arrays, network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_missing_or_damaged_archive_is_one_line(tmp_path):
    path = tmp_path / "model.keras"
    archive.save(build(dense(6, 5), 10, 0), tmp_path / "whole.keras")
    whole = (tmp_path / "whole.keras").read_bytes()
    for load in (predict.load, archive.load_weights):
        path.unlink(missing_ok=True)
        with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
            load(path)
        for content in (b"text", whole[:-30], whole[:2000] + bytes(2000) + whole[4000:]):
            path.write_bytes(content)
            with pytest.raises(PipelineError, match="cannot be read|is not a model that Keras") as error:
                load(path)
            assert "\n" not in str(error.value)


def test_an_option_of_a_later_keras_is_named_in_one_line(tmp_path):
    path = tmp_path / "model.keras"
    archive.save(build(dense(6, 5), 10, 0), tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as ours, zipfile.ZipFile(path, "w") as later:
        for name in ours.namelist():
            content = ours.read(name)
            if name == "config.json":
                content = content.replace(b'"use_bias": true', b'"use_bias": true, "future_option": 1')
            later.writestr(name, content)
    with pytest.raises(PipelineError, match="future_option") as error:
        predict.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
