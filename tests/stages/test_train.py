import contextlib
import functools
import io
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from test_batches import one_by_one

from contracts import archive
from contracts.dataset import Split
from fixtures import SETTINGS, SPLIT, changed, dense
from network import batches, checkpoint
from network.build import build
from network.checkpoint import COLUMNS, Checkpoint, Diverged
from network.determinism import keras
from network.fit import fit, learning_rate
from network.step import BlockTrainer
from train import HISTORY


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_weights_do_not_depend_on_how_many_steps_are_taken_in_one_call(monkeypatch):
    found = []
    for block in (16, 32, 3_200):  # of the three batches of an epoch: one, two, all
        monkeypatch.setattr(batches, "BLOCK", block)
        found.append(train(changed(epochs=2)).get_weights())
    for one, two, every in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, every)


@pytest.mark.slow
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_the_weights_are_those_of_keras_but_for_rounding(weight_decay):
    settings = changed(epochs=2, weight_decay=weight_decay)
    adam = keras.optimizers.AdamW(learning_rate(settings, 3 * settings.epochs), weight_decay=weight_decay)
    adam.exclude_from_weight_decay(var_names=["bias"])
    plain = build(dense(16, 12), 10, settings.seed)
    plain.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    for images, labels in one_by_one(SPLIT, settings, range(settings.epochs)):
        plain.train_on_batch(images, labels)
    network = train(settings)
    for found, expected in zip(network.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for found, expected in zip(network.optimizer.variables, adam.variables, strict=True):  # the moments as well
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)


def train(settings=SETTINGS, callbacks=()):
    network = build(dense(16, 12), 10, settings.seed)
    saved = Checkpoint("train", [], "", HISTORY, settings.epochs)
    for callback in callbacks:
        monkeypatch_epoch(saved, callback)
    fit(network, SPLIT, SPLIT, settings, saved)
    return network


class Trained(NamedTuple):
    """A training of SETTINGS, which takes four seconds, so several tests look at one."""

    folder: Path  # with the checkpoint after each epoch as `after0`, `after1`, ...
    network: keras.Sequential
    printed: list[str]
    rows: list[int]  # in the history, after each epoch
    traced: int  # how often the step was


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The training with an augmentation: a function of its name."""

    @functools.cache
    def train_once(augmentation: str = "none") -> Trained:
        folder, rows, traced, step = tmp_path_factory.mktemp(augmentation), [], [], BlockTrainer.train_step

        def look(epoch: int) -> None:
            rows.append(len(HISTORY.read_text().splitlines()) - 1)
            shutil.copytree(checkpoint.FOLDER, f"after{epoch}")

        out = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
            patch.setattr(BlockTrainer, "train_step", lambda *arguments: traced.append(1) or step(*arguments))
            network = train(changed(augmentation=augmentation), [look])
        return Trained(folder, network, out.getvalue().splitlines(), rows, len(traced))

    return train_once


def test_a_step_is_traced_once(trained):
    assert trained().traced == 1


def monkeypatch_epoch(saved, callback):
    save = saved.on_epoch_end

    def save_then_call(epoch, logs=None):
        save(epoch, logs)
        callback(epoch)

    saved.on_epoch_end = save_then_call


def test_the_cosine_falls_from_the_learning_rate_to_zero():
    schedule = learning_rate(SETTINGS, 100)
    assert [float(schedule(step)) for step in (0, 50, 100)] == pytest.approx([0.01, 0.005, 0], abs=1e-8)
    assert learning_rate(changed(schedule="constant"), 100) == 0.01


def test_one_row_and_one_line_for_each_epoch_as_it_ends(trained):
    folder, _, printed, rows, _ = trained()
    assert rows == [1, 2, 3, 4]
    lines = (folder / HISTORY).read_text().splitlines()
    assert lines[0] == ",".join(["epoch", *COLUMNS])
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    assert len(printed) == 4
    assert all(name in printed[0] for name in ["epoch   1/4", *COLUMNS])


def test_the_last_row_is_what_keras_measures_of_the_model(trained):
    loss, accuracy = trained().network.evaluate(SPLIT.images, SPLIT.labels, verbose=0)
    last = (trained().folder / HISTORY).read_text().splitlines()[-1]
    row = dict(zip(COLUMNS, map(float, last.split(",")[1:]), strict=True))
    assert row["val_loss"] == pytest.approx(loss, abs=1e-5)
    assert row["val_accuracy"] == pytest.approx(accuracy, abs=1e-6)


def test_experiments_are_chosen_by_the_last_epoch_on_the_validation_split(tmp_path):
    history = Checkpoint("train", [], "", tmp_path / "history.csv", 2)
    history.rows = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.70000049, 0.8]]
    assert history.last() == {"val_accuracy": 0.7, "val_loss": 0.8}


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_training_at_that_epoch(monkeypatch):
    monkeypatch.setattr("test_train.SPLIT", Split(SPLIT.images * np.float32(1e38), SPLIT.labels))
    with pytest.raises(Diverged, match="epoch 1 ended with .*loss nan.*train.learning_rate"):
        train()
    assert not HISTORY.exists()
    assert not checkpoint.FOLDER.exists()


@pytest.mark.slow
def test_the_network_learns():
    train(changed(epochs=60))
    assert float(HISTORY.read_text().splitlines()[-1].split(",")[1]) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "augmentation"), [(0, "none"), (2, "none"), (3, "none"), (0, "elastic"), (2, "elastic")]
)
def test_a_training_cut_off_after_any_epoch_ends_in_the_same_weights_and_history(stop, augmentation, trained):
    undisturbed = trained(augmentation)
    shutil.copytree(undisturbed.folder / f"after{stop}", checkpoint.FOLDER)  # DVC deletes all else
    epochs = []
    resumed = train(changed(augmentation=augmentation), [epochs.append])
    assert epochs == [*range(stop + 1, 4)]
    for found, expected in zip(resumed.get_weights(), undisturbed.network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert HISTORY.read_bytes() == (undisturbed.folder / HISTORY).read_bytes()


def test_the_saved_model_is_compiled_as_a_user_would(trained, tmp_path):
    archive.save(trained().network, tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert type(loaded) is keras.Sequential
    assert isinstance(loaded.optimizer, keras.optimizers.Adam)
    assert int(loaded.optimizer.iterations) == 4 * 3
