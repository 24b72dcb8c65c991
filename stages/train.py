"""Fit the network to the training split; the validation split is only watched.

Reads  data/normalized/{train,validation}.
Writes models/model.keras, reports/train/history.csv, one row for each epoch as it ends, and metrics.json, what the last
epoch reached on the validation split: experiments are chosen by it.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

from common import params
from common.errors import run
from common.files import save_json
from common.lock import held
from common.params import Dataset, Model, Train
from contracts import dataset
from contracts.dataset import Split
from network import batches, checkpoint, model
from network.determinism import keras
from network.history import History
from network.step import BlockTrainer

FOLDERS = [dataset.FOLDER / name for name in ("train", "validation")]
HISTORY = Path("reports/train/history.csv")
METRICS = Path("reports/train/metrics.json")


def learning_rate(settings: Train, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of Adam: a constant, or a cosine that falls to zero over `steps` steps."""
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    return settings.learning_rate


def optimizer(settings: Train, steps: int) -> keras.optimizers.Adam:
    """Return Adam for epochs of `steps` steps, with the decoupled weight decay of Loshchilov and Hutter (2019)."""
    adam = keras.optimizers.Adam(
        learning_rate(settings, steps * settings.epochs),
        weight_decay=settings.weight_decay or None,
        name="adam",  # the archive has it; Keras would count the optimizers of the process
    )
    adam.exclude_from_weight_decay(var_names=["bias"])
    return adam


def fit(network: keras.Model, train: Split, validation: Split, settings: Train, saved: checkpoint.Checkpoint) -> None:
    """Train `network` in place, from where the checkpoint `saved` left off.

    Raises PipelineError when a batch is larger than the training split, or when the loss is no longer a number.
    """
    plan = batches.Plan.of(len(train.labels), settings.batch_size)
    trainer = BlockTrainer(network)
    adam = optimizer(settings, plan.steps)
    trainer.compile(adam, jit_compile=True)  # XLA: faster, and a step is one program whose sums can be put in order
    adam.build(trainer.trainable_variables)  # TensorFlow would trace the step twice if it were to make Adam's variables
    done = saved.restore(trainer)
    trainer.fit(
        batches.training(train, settings, plan, range(done, settings.epochs)),
        initial_epoch=done,
        epochs=settings.epochs,
        steps_per_epoch=plan.blocks,
        validation_data=batches.validation(validation),
        callbacks=[saved.history, saved],
        shuffle=False,  # the batches are
        verbose=0,
    )
    adam = optimizer(settings, plan.steps)
    trainer.release(network, adam)
    network.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])  # as whoever loads it will want


@held("stage")
def main() -> None:
    settings, architecture = params.load(Train), params.load(Model)
    classes = len(params.load(Dataset).class_names)
    train, validation = map(dataset.load, FOLDERS)
    network = model.build(architecture.hidden_units, classes, settings.seed)
    history = History(HISTORY, settings.epochs)
    saved = checkpoint.Checkpoint(FOLDERS, f"{settings} {architecture} {classes}", history)
    with saved.reported():
        fit(network, train, validation, settings, saved)

        model.save(network)
        save_json(METRICS, history.last())
    saved.discard()
    print(f"train: {network.count_params():,} weights after {settings.epochs} epochs; {model.PATH}")


if __name__ == "__main__":
    run(main)
