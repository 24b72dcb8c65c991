"""How the images reach the network: shuffled, deformed, in batches, and many batches at a time."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple, Self

import numpy as np

from common import augment, dataset, params
from common.dataset import Split
from common.determinism import tf
from common.errors import PipelineError

BLOCK = 3_200  # images handed to TensorFlow at a time, 10 MB; the network trains no faster with larger ones
VALIDATION_BATCH = 2_000  # images; XLA compiles once for each batch size, and 12,000 is a multiple of it

Arrays = tuple[np.ndarray, ...]


class Plan(NamedTuple):
    """How an epoch is divided: `steps` batches of `batch_size` images, handed over in `blocks` of `size` batches."""

    batch_size: int
    steps: int
    size: int
    blocks: int

    @classmethod
    def of(cls, images: int, batch_size: int) -> Self:
        """Raises PipelineError when a batch is larger than all images."""
        steps = images // batch_size
        if steps == 0:
            raise PipelineError(f"train.batch_size: expected at most {images}, all images, found {batch_size}")
        size = min(steps, max(1, BLOCK // batch_size))
        return cls(batch_size, steps, size, blocks=-(-steps // size))


def shuffled_batches(split: Split, settings: params.Train, epochs: range) -> Iterator[Arrays]:
    """Yield the batches of those epochs, each in an order and with deformations of its own.

    images (batch_size, 28, 28) float32, labels (batch_size,) uint8. A batch depends on the split, the settings, its
    epoch and its number alone. The last, incomplete batch of an epoch is left out: XLA would compile the step a second
    time for it. Which images that leaves out changes every epoch.
    """
    for epoch in epochs:
        progress = epoch / max(1, settings.epochs - 1)
        strength = augment.strength_at(progress, settings.augmentation, settings.augmentation_strength)
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.labels))
        for number in range(len(order) // settings.batch_size):
            batch = order[number * settings.batch_size : (number + 1) * settings.batch_size]
            random = np.random.default_rng([settings.seed, epoch, number + 1])  # [seed, epoch, 0] is [seed, epoch]
            yield augment.deform(dataset.gather(split.images, batch), strength, random), split.labels[batch]


def in_blocks(batches: Iterator[Arrays], plan: Plan) -> Iterator[Arrays]:
    """Yield the batches in blocks: images (size, batch_size, 28, 28), labels (size, batch_size), how many batches.

    No block spans two epochs. What the last one of an epoch lacks is filled up with a batch that nobody trains on: XLA
    would compile the steps again for a smaller block.
    """
    while True:
        for start in range(0, plan.steps, plan.size):
            block = list(islice(batches, min(plan.size, plan.steps - start)))
            if not block:
                return
            images, labels = zip(*block, *block[-1:] * (plan.size - len(block)), strict=True)
            yield np.stack(images), np.stack(labels), np.int32(len(block))


def in_order(split: Split) -> Iterator[Arrays]:
    """Yield all images and labels in their order, images (n, 28, 28) and labels (n,); the last n may be smaller."""
    for start in range(0, len(split.labels), VALIDATION_BATCH):
        batch = slice(start, start + VALIDATION_BATCH)
        yield split.images[batch], split.labels[batch]
        dataset.release(split.images)


def stream(arrays: Callable[[], Iterator[Arrays]], signature: Iterable[tf.TensorSpec], number: int) -> tf.data.Dataset:
    """Feed TensorFlow what `arrays()` yields, `number` times, prepared while the network computes."""
    source = tf.data.Dataset.from_generator(arrays, output_signature=tuple(signature))
    options = tf.data.Options()
    options.autotune.enabled = False  # nothing here to tune, and `fit` may wait seconds for the thread that would do it
    return source.apply(tf.data.experimental.assert_cardinality(number)).prefetch(2).with_options(options)


def images_and_labels(*leading: int | None) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((*leading, *dataset.SHAPE), tf.float32), tf.TensorSpec(leading, tf.uint8)]


def training(split: Split, settings: params.Train, plan: Plan, epochs: range) -> tf.data.Dataset:
    """Return the blocks of those epochs, as `in_blocks` describes them."""
    return stream(
        lambda: in_blocks(shuffled_batches(split, settings, epochs), plan),
        [*images_and_labels(plan.size, plan.batch_size), tf.TensorSpec((), tf.int32)],
        plan.blocks * len(epochs),
    )


def validation(split: Split) -> tf.data.Dataset:
    """Return the split in its order, as `in_order` describes it."""
    return stream(lambda: in_order(split), images_and_labels(None), -(-len(split.labels) // VALIDATION_BATCH))
