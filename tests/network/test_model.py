import json
import zipfile

import numpy as np
import pytest

from common.errors import PipelineError
from fixtures import succeed
from network import model
from network.determinism import keras

IMAGES = np.random.default_rng(0).random((20, 28, 28), np.float32)


def trained(seed=0):
    network = model.build([6, 5], 10, seed)
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(IMAGES, np.arange(20) % 10, batch_size=20, verbose=0)
    return network


def test_the_network_is_the_one_described():
    network = model.build([128, 64], 10, 0)
    assert [type(layer).__name__ for layer in network.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in network.layers[1:]] == ["relu", "relu", "softmax"]
    assert network.count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    np.testing.assert_allclose(network.predict(IMAGES, verbose=0).sum(axis=1), 1, rtol=1e-5)


def test_the_seed_decides_the_weights():
    first, same, other = (model.build([6, 5], 10, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert not (first[0] == other[0]).all()


def test_the_archive_is_the_same_bytes_for_the_same_model(tmp_path):
    for name in ("a", "b"):
        keras.utils.clear_session()
        model.save(trained(), tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "b.keras"]


def test_the_archive_has_neither_date_nor_address(tmp_path):
    model.save(trained(), tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json")).keys() == {"keras_version"}
        assert "dtype" in archive.read("config.json").decode()


def test_shared_objects_stay_shared():
    entries = '{"a": {"shared_object_id": 140}, "b": [{"shared_object_id": 99}, {"shared_object_id": 140}]'
    content = (entries + ', "date_saved": "now"}').encode()
    assert json.loads(model.canonical("config.json", content)) == {
        "a": {"shared_object_id": 1},
        "b": [{"shared_object_id": 2}, {"shared_object_id": 1}],
    }
    assert model.canonical("model.weights.h5", content) == content


@pytest.mark.slow
def test_plain_keras_opens_the_archive_and_predicts_the_same(tmp_path):
    network = trained()
    model.save(network, tmp_path / "a.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import keras, numpy as np; "
        "np.save('plain.npy', keras.saving.load_model('a.keras').predict(np.load('images.npy'), verbose=0))"
    )
    succeed(tmp_path, "python", "-c", code)
    np.testing.assert_array_equal(np.load(tmp_path / "plain.npy"), network.predict(IMAGES, verbose=0))


def test_a_damaged_archive_is_one_line(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        model.load(path)
    model.save(trained(), path)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:1000], whole[:-30], whole[:2000] + bytes(2000) + whole[4000:]):
        path.write_bytes(content)
        with pytest.raises(PipelineError, match="is not a model that Keras .* opens") as error:
            model.load(path)
        assert "\n" not in str(error.value)


def test_an_option_of_a_later_keras_is_named_in_one_line(tmp_path):
    path = tmp_path / "model.keras"
    model.save(trained(), tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as ours, zipfile.ZipFile(path, "w") as later:
        for name in ours.namelist():
            content = ours.read(name)
            if name == "config.json":
                content = content.replace(b'"use_bias": true', b'"use_bias": true, "future_option": 1')
            later.writestr(name, content)
    with pytest.raises(PipelineError, match="future_option") as error:
        model.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_the_archive_names_no_unset_option_that_older_versions_of_keras_refuse(tmp_path):
    """Those that were tried are in docs/troubleshooting.md; Keras 3.12 knew none of these three."""
    model.save(trained(), tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        config = archive.read("config.json").decode()
    assert not [option for option in ("quantization_config", "input_axes", "output_axes") if option in config]
    assert model.canonical("config.json", b'{"input_axes": [0], "x": null}') == b'{"input_axes": [0], "x": null}'
