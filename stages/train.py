"""Fit the network to the training split; the validation split is only watched.

Reads  data/normalized/{train,validation}.
Writes models/model.keras, reports/train/history.csv, one row for each epoch as it ends, and metrics.json, what the last
epoch reached on the validation split: experiments are chosen by it.
"""

import csv
from pathlib import Path

from common import dataset, model, params
from common.dataset import Split
from common.determinism import keras, tf
from common.errors import run
from common.files import save_json
from parameters.dataset import Dataset
from parameters.model import Model
from parameters.train import Train
from training import batches, checkpoint

FOLDERS = [dataset.FOLDER / name for name in ("train", "validation")]
HISTORY = Path("reports/train/history.csv")
METRICS = Path("reports/train/metrics.json")
COLUMNS = ["accuracy", "loss", "val_accuracy", "val_loss"]


class BlockTrainer(keras.Model):
    """Take all steps of a block in one call, each of them Keras' own step.

    XLA then compiles the loop as well: the weights stay in place from step to step.
    """

    def train_step(self, block: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> dict:
        images, labels, count = block
        step = super().train_step

        def body(i: tf.Tensor) -> tf.Tensor:
            step((images[i], labels[i]))
            return i + 1

        tf.while_loop(lambda i: i < count, body, [0])
        return self.get_metrics_result()


def learning_rate(settings: Train, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of Adam: a constant, or a cosine that falls to zero over `steps` steps."""
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    return settings.learning_rate


class HistoryCsv(keras.callbacks.Callback):
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


def fit(network: keras.Model, train: Split, validation: Split, settings: Train, saved: checkpoint.Checkpoint) -> None:
    """Train `network` in place, from where the checkpoint `saved` left off.

    Raises PipelineError when a batch is larger than the training split.
    """
    plan = batches.Plan.of(len(train.labels), settings.batch_size)
    measures = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    trainer = BlockTrainer(network.inputs, network.outputs)
    trainer.compile(
        keras.optimizers.Adam(
            learning_rate(settings, plan.steps * settings.epochs),
            weight_decay=settings.weight_decay or None,  # decoupled: Loshchilov and Hutter (2019), AdamW
        ),
        jit_compile=True,  # XLA: faster, and the same bytes for any number of threads
        **measures,
    )
    # Make the variables of the metrics and of Adam; TensorFlow would trace the step twice if it were to make them.
    trainer.test_step((tf.zeros((1, *dataset.SHAPE)), tf.zeros(1)))
    trainer.optimizer.build(trainer.trainable_variables)
    log = HistoryCsv(HISTORY, settings.epochs)
    done = saved.restore(trainer)
    trainer.fit(
        batches.training(train, settings, plan, range(done, settings.epochs)),
        initial_epoch=done,
        epochs=settings.epochs,
        steps_per_epoch=plan.blocks,
        validation_data=batches.validation(validation),
        callbacks=[log, saved],
        shuffle=False,  # the batches are
        verbose=0,
    )
    network.compile(trainer.optimizer, **measures)  # the archive need not know how it was sped up


def last_epoch(history: Path) -> dict[str, float]:
    """Return what the last row of the history says of the validation split."""
    with history.open(encoding="utf-8", newline="") as file:
        *_, last = csv.DictReader(file)
    return {name: float(last[name]) for name in ("val_accuracy", "val_loss")}


def main() -> None:
    settings, architecture = params.load(Train), params.load(Model)
    classes = len(params.load(Dataset).class_names)
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
