"""Feed the network: shuffled, deformed images in batches, many batches at a time."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np

from common.errors import PipelineError
from common.params import Train
from contracts import dataset
from contracts.dataset import Split
from network import augmentation
from network.determinism import tf

BLOCK = 3_200  # images handed to TensorFlow at a time, 10 MB; the network trains no faster with larger ones
ALIGNMENT = 64  # bytes; TensorFlow copies arrays that do not begin at a multiple of it
VALIDATION_BATCH = 2_000  # images; XLA compiles once for each batch size, and 12,000 is a multiple of it

Arrays = tuple[np.ndarray | np.generic, ...]


class Plan(NamedTuple):
    """How an epoch is divided: `steps` batches of `batch_size` images, passed on in `blocks` of `size` batches."""

    batch_size: int
    steps: int
    size: int
    blocks: int

    @classmethod
    def of(cls, images: int, settings: Train) -> Self:
        """Raises PipelineError when a batch is larger than all images."""
        batch_size = settings.batch_size
        steps = images // batch_size
        if steps == 0:
            raise PipelineError(
                f"{settings.section_name()}.batch_size: expected at most {images}, all images, found {batch_size}"
            )
        size = min(steps, max(1, BLOCK // batch_size))
        return cls(batch_size, steps, size, blocks=-(-steps // size))


def shuffled(split: Split, settings: Train, plan: Plan, epochs: range) -> Iterator[Arrays]:
    """Yield the blocks of those epochs, each epoch in an order and with deformations of its own.

    images (size, batch_size, 28, 28) float32, labels (size, batch_size) uint8, how many of the batches are to train on.
    A batch depends on the split, the settings, its epoch and its number alone. The last, incomplete batch of an epoch
    is left out: XLA would compile the step a second time for it. Which images that leaves out changes every epoch. For
    the same reason the last block is as large as the others, filled up with zeros.
    """
    for epoch in epochs:
        progress = epoch / max(1, settings.epochs - 1)
        strength = augmentation.strength_at(progress, settings.augmentation, settings.augmentation_strength)
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.labels))
        every = order[: plan.steps * plan.batch_size].reshape(plan.steps, plan.batch_size)
        for first in range(0, plan.steps, plan.size):
            block = every[first : first + plan.size]
            images, labels = aligned(plan.size, plan.batch_size), np.zeros((plan.size, plan.batch_size), np.uint8)
            images[len(block) :] = 0
            filled = images[: len(block)]
            dataset.gather(split.images, block.ravel(), filled.reshape(-1, *dataset.SHAPE))
            if settings.augmentation != "none":
                for number, batch in enumerate(filled, first + 1):  # from 1: [s, e, 0] seeds like [s, e]
                    random = np.random.default_rng([settings.seed, epoch, number])
                    batch[:] = augmentation.deform(batch, strength, random)
            labels[: len(block)] = split.labels[block]
            yield images, labels, np.int32(len(block))


def aligned(size: int, batch_size: int) -> np.ndarray:
    """Return an uninitialised array for images, (size, batch_size, 28, 28) float32, aligned to ALIGNMENT."""
    shape = (size, batch_size, *dataset.SHAPE)
    length = 4 * np.prod(shape)  # bytes
    memory = np.empty(length + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + length].view(np.float32).reshape(shape)


def in_order(split: Split) -> Iterator[Arrays]:
    """Yield all images (n, 28, 28) and labels (n,) in their order, and how many of them count.

    n is always the same, because XLA compiles once for each: the last ones are filled up with zeros.
    """
    size = validation_batch(split)
    for start in range(0, len(split.labels), size):
        images, labels = split.images[start : start + size], split.labels[start : start + size]
        count, missing = len(labels), size - len(labels)
        if missing:
            images, labels = (np.concatenate([a, np.zeros((missing, *a.shape[1:]), a.dtype)]) for a in (images, labels))
        yield images, labels, np.int32(count)
        dataset.release(split.images)


def validation_batch(split: Split) -> int:
    return min(len(split.labels), VALIDATION_BATCH)


def stream(arrays: Callable[[], Iterator[Arrays]], signature: Iterable[tf.TensorSpec], number: int) -> tf.data.Dataset:
    """Feed TensorFlow what `arrays()` yields, `number` times, prepared while the network computes."""
    source = tf.data.Dataset.from_generator(arrays, output_signature=tuple(signature))
    options = tf.data.Options()
    options.autotune.enabled = False  # nothing to tune, and `fit` may wait seconds for the tuning thread
    return source.apply(tf.data.experimental.assert_cardinality(number)).prefetch(2).with_options(options)


def specs(*leading: int) -> list[tf.TensorSpec]:
    """Describe images and labels of so many, and how many of them count."""
    images, labels = tf.TensorSpec((*leading, *dataset.SHAPE), tf.float32), tf.TensorSpec(leading, tf.uint8)
    return [images, labels, tf.TensorSpec((), tf.int32)]


def training(split: Split, settings: Train, plan: Plan, epochs: range) -> tf.data.Dataset:
    """Return the blocks of those epochs, as `shuffled` describes them."""
    return stream(
        lambda: shuffled(split, settings, plan, epochs),
        specs(plan.size, plan.batch_size),
        plan.blocks * len(epochs),
    )


def validation(split: Split) -> tf.data.Dataset:
    """Return the split in its order, as `in_order` describes it."""
    size = validation_batch(split)
    return stream(lambda: in_order(split), specs(size), -(-len(split.labels) // size))
