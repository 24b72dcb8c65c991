"""Fit a network to a training split: the optimizer, its learning rate, and the loop over the epochs."""

from contextlib import closing
from itertools import groupby
from operator import itemgetter

import numpy as np

from common.errors import PipelineError
from common.params import Train
from contracts.dataset import SHAPE, Split
from network import batches
from network.checkpoint import Checkpoint
from network.determinism import keras
from network.step import Trainer


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


def require_probabilities(network: keras.Model, classes: int) -> None:
    """Raise PipelineError unless the outputs of a network are probabilities of the classes."""
    if network.output_shape != (None, classes):
        raise PipelineError(f"network/build.py: expected outputs (None, {classes}), found {network.output_shape}")
    total = float(np.sum(network(np.zeros((1, *SHAPE), np.float32), training=False)))
    if abs(total - 1) > 1e-3:
        raise PipelineError(f"network/build.py: expected probabilities, found a sum of {total:g}; is softmax missing?")


def fit(network: keras.Model, train: Split, validation: Split, settings: Train, saved: Checkpoint) -> None:
    """Train `network` in place, starting from the checkpoint `saved` if there is one.

    Raises PipelineError when a batch is larger than the training split, or when the loss is no longer a number.
    """
    steps = batches.count_steps(len(train.labels), settings)
    trainer = Trainer(network, optimizer(settings, steps))
    epochs = range(saved.restore(trainer.state), settings.epochs)
    with closing(batches.ahead(batches.shuffled(train, settings, epochs))) as stream:
        for _, epoch in groupby(stream, itemgetter(0)):
            measures = trainer.train(block for _, block in epoch) + trainer.test(batches.in_order(validation))
            saved.save(measures, trainer.state)
    trainer.finish(optimizer(settings, steps))
