"""Fit the network to the training split; the validation split is only watched.

Reads  data/normalized/{train,validation}.
Writes models/model.keras, reports/train/history.csv, one row for each epoch as it ends, and metrics.json, what the last
epoch reached on the validation split: experiments are chosen by it.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from common import augment, checkpoint, dataset, model, params
from common.dataset import Split
from common.determinism import keras, tf
from common.errors import PipelineError, run
from common.files import save_json

FOLDERS = [dataset.FOLDER / name for name in ("train", "validation")]
HISTORY = Path("reports/train/history.csv")
METRICS = Path("reports/train/metrics.json")
COLUMNS = ["accuracy", "loss", "val_accuracy", "val_loss"]
VALIDATION_BATCH = 2_000  # images; XLA compiles once for each batch size, and 12,000 is a multiple of it


def shuffled_batches(split: Split, settings: params.Train, epochs: range) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches of those epochs, each in an order and with deformations of its own.

    images (batch_size, 28, 28) float32, labels (batch_size,) uint8. A batch depends on the split, the settings, its
    epoch and its number alone. The last, incomplete batch of an epoch is left out: XLA would compile the step a second
    time for it. Which images that leaves out changes every epoch.
    """
    for epoch in epochs:
        progress = epoch / max(1, settings.epochs - 1)
        strength = augment.strength_at(progress, settings.augmentation, settings.augmentation_end)
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.labels))
        for number in range(len(order) // settings.batch_size):
            batch = order[number * settings.batch_size : (number + 1) * settings.batch_size]
            random = np.random.default_rng([settings.seed, epoch, number + 1])  # [seed, epoch, 0] is [seed, epoch]
            yield augment.deform(dataset.gather(split.images, batch), strength, random), split.labels[batch]


def batches_in_order(split: Split, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all images and labels, as `shuffled_batches` does, in their order; the last batch may be smaller."""
    for start in range(0, len(split.labels), batch_size):
        yield split.images[start : start + batch_size], split.labels[start : start + batch_size]
        dataset.release(split.images)


def stream(batches: Callable[[], Iterator], batch_size: int | None, number: int) -> tf.data.Dataset:
    """Feed TensorFlow the `number` batches that `batches()` yields, prepared while the network computes."""
    signature = (
        tf.TensorSpec((batch_size, *dataset.SHAPE), tf.float32),
        tf.TensorSpec((batch_size,), tf.uint8),
    )
    source = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return source.apply(tf.data.experimental.assert_cardinality(number)).prefetch(8)


def learning_rate(settings: params.Train, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of Adam: a constant, or a cosine that falls to zero over `steps` steps."""
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    return settings.learning_rate


class Log(keras.callbacks.Callback):
    """Start a CSV file; append each epoch to it and print it."""

    def __init__(self, path: Path, epochs: int):
        super().__init__()
        self.path, self.epochs = path, epochs
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(",".join(["epoch", *COLUMNS]) + "\n", encoding="utf-8", newline="\n")

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(",".join([str(epoch + 1), *(f"{logs[name]:.6f}" for name in COLUMNS)]) + "\n")
        print(
            f"epoch {epoch + 1:>3}/{self.epochs}",
            *(f"{name} {logs[name]:.4f}" for name in COLUMNS),
            sep="  ",
            flush=True,
        )


def fit(
    network: keras.Model, train: Split, validation: Split, settings: params.Train, saved: checkpoint.Checkpoint
) -> None:
    """Train `network` in place, from where the checkpoint `saved` left off.

    Raises PipelineError when a batch is larger than the training split.
    """
    steps = len(train.labels) // settings.batch_size
    if steps == 0:
        raise PipelineError(
            f"train.batch_size: expected at most {len(train.labels)}, all images, found {settings.batch_size}"
        )
    measures = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    network.compile(
        keras.optimizers.Adam(learning_rate(settings, steps * settings.epochs)),
        jit_compile=True,  # XLA: faster, and the same bytes for any number of threads
        steps_per_execution=steps,
        **measures,
    )
    log = Log(HISTORY, settings.epochs)
    done = saved.restore(network)
    epochs = range(done, settings.epochs)
    network.fit(
        stream(lambda: shuffled_batches(train, settings, epochs), settings.batch_size, steps * len(epochs)),
        initial_epoch=done,
        epochs=settings.epochs,
        steps_per_epoch=steps,
        validation_data=stream(
            lambda: batches_in_order(validation, VALIDATION_BATCH), None, -(-len(validation.labels) // VALIDATION_BATCH)
        ),
        callbacks=[log, saved],
        shuffle=False,  # the stream is
        verbose=0,
    )
    network.compile(network.optimizer, **measures)  # the archive need not know how it was sped up


def last_epoch(history: Path) -> dict[str, float]:
    """Return what the last row of the history says of the validation split."""
    with history.open(encoding="utf-8", newline="") as file:
        *_, last = csv.DictReader(file)
    return {name: float(last[name]) for name in ("val_accuracy", "val_loss")}


def main() -> None:
    settings, architecture = params.load(params.Train), params.load(params.Model)
    classes = len(params.load(params.Dataset).class_names)
    train, validation = map(dataset.load, FOLDERS)
    network = model.build(architecture.hidden_units, classes, settings.seed)
    saved = checkpoint.Checkpoint(FOLDERS, f"{settings} {architecture} {classes}", HISTORY)
    fit(network, train, validation, settings, saved)

    model.save(network)
    save_json(METRICS, last_epoch(HISTORY))
    saved.discard()
    print(f"train: {network.count_params():,} weights after {settings.epochs} epochs; {model.PATH}")


if __name__ == "__main__":
    run(main)
