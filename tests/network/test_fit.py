"""Training: against plain Keras, cut off and resumed, and with other layers than dense ones."""

import contextlib
import functools
import io
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from networks import build
from test_batches import one_by_one

from contracts import archive
from contracts.dataset import Split
from fixtures import SETTINGS, SPLIT, changed, dense
from network import batches, checkpoint, predict
from network.checkpoint import COLUMNS, Checkpoint, Diverged
from network.determinism import keras, uncovered
from network.fit import fit, learning_rate
from network.step import Trainer

HISTORY = Path("history.csv")
L = keras.layers


def functional() -> keras.Model:
    """Two branches that are added, one of which is regularised."""
    image = keras.Input((28, 28), name="image")
    flat = L.Flatten(name="flat")(image)
    left = L.Dense(8, activation="gelu", kernel_regularizer="l2", name="left")(flat)
    right = L.Dense(8, name="right")(flat)
    return keras.Model(image, L.Dense(10, activation="softmax", name="out")(L.Add(name="sum")([left, right])))


def sequential(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((28, 28)), *layers, L.Dense(10, activation="softmax", name="out")])


NETWORKS = {  # with the kinds of their layers that are not covered
    "dense": (lambda: build(dense(16, 12), 10, 0), []),
    "convolutions and dropout": (lambda: build(dense(7).model_copy(update={"convolutions": [3, 5]}), 10, 0), []),
    "batch normalization": (
        lambda: sequential(
            L.Flatten(name="f"), L.Dense(12, name="h"), L.BatchNormalization(name="b"), L.ReLU(name="a")
        ),
        ["dense (activation)", "batch_normalization", "re_lu"],
    ),
    "functional": (functional, ["functional", "dense (activation, kernel_regularizer)", "dense (activation)", "add"]),
}


def train(network: keras.Model | None = None, settings=SETTINGS, each_epoch=lambda saved: None) -> keras.Model:
    """Train a network on SPLIT in the current folder, and call `each_epoch` after each."""
    network = network or build(dense(16, 12), 10, settings.seed)
    saved = Checkpoint("train", [], "", HISTORY, settings.epochs)
    save = saved.save
    saved.save = lambda *arguments: (save(*arguments), each_epoch(saved))
    fit(network, SPLIT, SPLIT, settings, saved)
    return network


class Trained(NamedTuple):
    """A training of SETTINGS, which takes seconds, so several tests look at one."""

    folder: Path  # with the checkpoint after each epoch as `after1`, `after2`, ...
    network: keras.Model
    printed: list[str]
    rows: list[int]  # in the history, after each epoch
    traced: int  # how often the step was


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The training by the name of a network or of an augmentation."""

    @functools.cache
    def train_once(name: str = "none") -> Trained:
        folder, rows, traced, block = tmp_path_factory.mktemp("trained"), [], [], Trainer._train

        def look(saved: Checkpoint) -> None:
            rows.append(len(HISTORY.read_text().splitlines()) - 1)
            shutil.copytree(checkpoint.FOLDER, f"after{len(saved.rows)}")

        out = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trainer, "_train", lambda *arguments: traced.append(1) or block(*arguments))
            network = train(*case(name), look)
        return Trained(folder, network, out.getvalue().splitlines(), rows, len(traced))

    return train_once


def case(name: str) -> tuple:
    """The network and the settings of a training of that name."""
    keras.utils.set_random_seed(0)
    if name in NETWORKS:
        return NETWORKS[name][0](), changed(weight_decay=0.1)
    return build(dense(16, 12), 10, 0), changed(augmentation=name)


CONVOLUTIONS = "convolutions and dropout"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == CONVOLUTIONS)) for name in NETWORKS]
)
def test_any_network_is_trained_saved_and_answers_as_keras_does(name, trained):
    build_network, kinds = NETWORKS[name]
    folder, network, _, _, traced = trained(name)
    assert uncovered(network) == kinds == archive.uncovered(archive_config(network))
    assert traced == 1
    loaded = keras.saving.load_model(Path("m.keras"))
    assert isinstance(loaded.optimizer, keras.optimizers.Adam)
    found = predict.predict(predict.compiled(loaded), SPLIT.images)
    np.testing.assert_allclose(found, network(SPLIT.images, training=False), rtol=1e-4, atol=1e-6)
    loss, accuracy = network.evaluate(SPLIT.images, SPLIT.labels, verbose=0)
    row = last_row(folder)
    assert row["val_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert row["val_loss"] == pytest.approx(loss - float(sum(network.losses)), abs=1e-5)
    assert int(loaded.optimizer.iterations) == 4 * 3
    keras.utils.set_random_seed(0)
    assert any((a != b).any() for a, b in zip(network.get_weights(), build_network().get_weights(), strict=True))


def archive_config(network: keras.Model) -> dict:
    archive.save(network, Path("m.keras"))
    return archive.load_config(Path("m.keras"))


def last_row(folder: Path) -> dict[str, float]:
    line = (folder / HISTORY).read_text().splitlines()[-1]
    return dict(zip(COLUMNS, map(float, line.split(",")[1:]), strict=True))


@pytest.mark.parametrize(
    ("name", "stop"),
    [
        ("elastic", 3),
        ("none", 4),
        ("batch normalization", 2),
        pytest.param(CONVOLUTIONS, 2, marks=pytest.mark.slow),
    ],
)
def test_a_training_cut_off_after_an_epoch_ends_in_the_same_weights_and_history(name, stop, trained):
    undisturbed = trained(name)
    shutil.copytree(undisturbed.folder / f"after{stop}", checkpoint.FOLDER)  # DVC deletes all else
    epochs = []
    resumed = train(*case(name), lambda saved: epochs.append(len(saved.rows)))
    assert epochs == [*range(stop + 1, 5)]
    for found, expected in zip(resumed.variables, undisturbed.network.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(resumed.optimizer.variables, undisturbed.network.optimizer.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert HISTORY.read_bytes() == (undisturbed.folder / HISTORY).read_bytes()


def test_one_row_and_one_line_for_each_epoch_as_it_ends(trained):
    folder, _, printed, rows, traced = trained()
    assert traced == 1
    assert rows == [1, 2, 3, 4]
    lines = (folder / HISTORY).read_text().splitlines()
    assert lines[0] == ",".join(["epoch", *COLUMNS])
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    assert len(printed) == 4
    assert all(name in printed[0] for name in ["epoch   1/4", *COLUMNS])


def test_the_weights_do_not_depend_on_the_number_of_steps_in_one_call(monkeypatch, trained):
    monkeypatch.setattr(batches, "BLOCK", 32)  # two of the three batches of an epoch
    for found, expected in zip(train().get_weights(), trained().network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_weights_are_those_of_keras_but_for_rounding():
    settings = changed(epochs=2, weight_decay=0.5)
    adam = keras.optimizers.AdamW(learning_rate(settings, 3 * settings.epochs), weight_decay=0.5)
    adam.exclude_from_weight_decay(var_names=["bias"])
    plain = build(dense(16, 12), 10, settings.seed)
    plain.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    for images, labels in one_by_one(SPLIT, settings, range(settings.epochs)):
        plain.train_on_batch(images, labels)
    network = train(settings=settings)
    for found, expected in zip(network.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for found, expected in zip(network.optimizer.variables, adam.variables, strict=True):  # the moments as well
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)


def test_the_cosine_falls_from_the_learning_rate_to_zero():
    schedule = learning_rate(SETTINGS, 100)
    assert [float(schedule(step)) for step in (0, 50, 100)] == pytest.approx([0.01, 0.005, 0], abs=1e-8)
    assert learning_rate(changed(schedule="constant"), 100) == 0.01


def test_a_loss_that_is_not_a_number_ends_the_training_at_that_epoch(monkeypatch):
    monkeypatch.setattr("test_fit.SPLIT", Split(SPLIT.images * np.float32(1e38), SPLIT.labels))
    with pytest.raises(Diverged, match=r"epoch 1 ended with .*loss nan.*train\.learning_rate"):
        train()
    assert not HISTORY.exists()
    assert not checkpoint.FOLDER.exists()
