import numpy as np
import pytest

from common import checkpoint, model, params
from common.dataset import Split
from common.determinism import keras
from common.errors import PipelineError
from conftest import tiny_mnist
from train import COLUMNS, HISTORY, fit, last_epoch, learning_rate, shuffled_batches

IMAGES, LABELS = (tiny_mnist()[f"t10k-{kind}-ubyte"][:50] for kind in ("images-idx3", "labels-idx1"))
SPLIT = Split((IMAGES / 255).astype(np.float32), LABELS.astype(np.uint8))
SETTINGS = params.Train(
    epochs=4,
    batch_size=16,
    learning_rate=0.01,
    schedule="cosine",
    augmentation="none",
    augmentation_end=1.0,
    seed=0,
)


def changed(**values) -> params.Train:
    return SETTINGS.model_copy(update=values)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(settings=SETTINGS, callbacks=()):
    network = model.build([16, 12], 10, settings.seed)
    saved = checkpoint.Checkpoint([], "", HISTORY)
    for callback in callbacks:
        monkeypatch_epoch(saved, callback)
    fit(network, SPLIT, SPLIT, settings, saved)
    return network


def monkeypatch_epoch(saved, callback):
    save = saved.on_epoch_end

    def save_then_call(epoch, logs=None):
        save(epoch, logs)
        callback(epoch)

    saved.on_epoch_end = save_then_call


def test_an_epoch_is_a_permutation_without_the_incomplete_batch():
    numbered = Split(np.arange(10, dtype=np.float32), np.arange(10))
    batches = list(shuffled_batches(numbered, changed(batch_size=3), range(2)))
    assert [len(labels) for _, labels in batches] == [3] * 6
    for images, labels in batches:
        np.testing.assert_array_equal(images, labels)
    first, second = (np.concatenate([labels for _, labels in half]) for half in (batches[:3], batches[3:]))
    assert len(set(first)) == len(set(second)) == 9
    assert first.tolist() != second.tolist()


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    numbered = Split(np.arange(10, dtype=np.float32), np.arange(10))
    settings = changed(batch_size=5, seed=3)
    both = [labels.tolist() for _, labels in shuffled_batches(numbered, settings, range(2))]
    assert both[2:] == [labels.tolist() for _, labels in shuffled_batches(numbered, settings, range(1, 2))]
    assert both != [
        labels.tolist() for _, labels in shuffled_batches(numbered, changed(batch_size=5, seed=4), range(2))
    ]


@pytest.mark.parametrize("kind", ["shift", "elastic"])
def test_augmentation_deforms_the_images_anew_each_epoch_and_leaves_their_order_alone(kind):
    settings = changed(augmentation=kind)
    plain, deformed = (list(shuffled_batches(SPLIT, s, range(2))) for s in (SETTINGS, settings))
    for (images, labels), (others, same) in zip(plain, deformed, strict=True):
        np.testing.assert_array_equal(labels, same)
        assert (images != others).any(axis=(1, 2)).all()
    copies = Split(np.broadcast_to(SPLIT.images[:1], SPLIT.images.shape), SPLIT.labels)
    shown = np.concatenate([images for images, _ in shuffled_batches(copies, settings, range(2))])
    assert len(np.unique(shown, axis=0)) == len(shown)
    second = [images for images, _ in shuffled_batches(copies, settings, range(1, 2))]
    np.testing.assert_array_equal(np.concatenate(second), shown[len(shown) // 2 :])


def test_the_deformations_weaken_to_the_given_share_in_the_last_epoch():
    plain, full, fading = (
        [images for images, _ in shuffled_batches(SPLIT, settings, range(4))]
        for settings in (SETTINGS, changed(augmentation="shift"), changed(augmentation="shift", augmentation_end=0.0))
    )
    batches = len(plain) // 4
    np.testing.assert_array_equal(fading[:batches], full[:batches])
    np.testing.assert_array_equal(fading[-batches:], plain[-batches:])
    assert (np.array(fading[batches:-batches]) != plain[batches:-batches]).any()
    assert (np.array(fading[batches:-batches]) != full[batches:-batches]).any()


def test_the_cosine_falls_from_the_learning_rate_to_zero():
    schedule = learning_rate(SETTINGS, 100)
    assert [float(schedule(step)) for step in (0, 50, 100)] == pytest.approx([0.01, 0.005, 0], abs=1e-8)
    assert learning_rate(changed(schedule="constant"), 100) == 0.01


def test_one_row_and_one_line_for_each_epoch_as_it_ends(capsys):
    rows = []
    train(callbacks=[lambda epoch: rows.append(len(HISTORY.read_text().splitlines()))])
    assert rows == [2, 3, 4, 5]
    lines = HISTORY.read_text().splitlines()
    assert lines[0] == ",".join(["epoch", *COLUMNS])
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    assert all(name in printed[0] for name in ["epoch   1/4", *COLUMNS])


def test_the_last_row_is_what_keras_measures_of_the_model():
    network = train()
    loss, accuracy = network.evaluate(SPLIT.images, SPLIT.labels, verbose=0)
    row = dict(zip(COLUMNS, map(float, HISTORY.read_text().splitlines()[-1].split(",")[1:]), strict=True))
    assert row["val_loss"] == pytest.approx(loss, abs=1e-5)
    assert row["val_accuracy"] == pytest.approx(accuracy, abs=1e-6)


def test_experiments_are_chosen_by_the_last_epoch_on_the_validation_split(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,accuracy,loss,val_accuracy,val_loss\n1,0.1,0.2,0.3,0.4\n2,0.5,0.6,0.7,0.8\n")
    assert last_epoch(path) == {"val_accuracy": 0.7, "val_loss": 0.8}


def test_the_network_learns():
    train(changed(epochs=60))
    assert float(HISTORY.read_text().splitlines()[-1].split(",")[1]) > 0.9


@pytest.mark.parametrize(
    ("stop", "augmentation"), [(0, "none"), (2, "none"), (3, "none"), (0, "elastic"), (2, "elastic")]
)
def test_a_training_cut_off_after_any_epoch_ends_in_the_same_weights_and_history(stop, augmentation):
    settings = changed(augmentation=augmentation)
    undisturbed, history = train(settings).get_weights(), HISTORY.read_bytes()
    checkpoint.Checkpoint([], "", HISTORY).discard()

    def cut(epoch):
        if epoch == stop:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(settings, [cut])
    HISTORY.unlink()  # as DVC does with the outputs of a stage
    resumed = train(settings, [lambda epoch: pytest.fail("trained again") if epoch <= stop else None])
    assert all((a == b).all() for a, b in zip(undisturbed, resumed.get_weights(), strict=True))
    assert HISTORY.read_bytes() == history


def test_a_batch_larger_than_the_split_is_an_error():
    with pytest.raises(PipelineError, match="train.batch_size: expected at most 50, all images, found 51"):
        train(changed(batch_size=51))


def test_the_saved_model_is_compiled_as_a_user_would(tmp_path):
    network = train()
    model.save(network, tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.steps_per_execution == 1
    assert isinstance(loaded.optimizer, keras.optimizers.Adam)
    assert int(loaded.optimizer.iterations) == 4 * 3
