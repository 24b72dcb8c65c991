"""Feed the network: shuffled, deformed images in batches, many batches at a time."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from common.errors import PipelineError
from common.params import Train
from contracts.dataset import SHAPE, Split
from network import augmentation

BLOCK = 3_200  # images handed to TensorFlow at a time, 10 MB; the network trains no faster with larger ones
VALIDATION_BATCH = 2_000  # images; XLA compiles once for each batch size, and 12,000 is a multiple of it

Arrays = tuple[np.ndarray | np.generic, ...]
T = TypeVar("T")


def count_steps(images: int, settings: Train) -> int:
    """Return the number of full batches of so many images. Raises PipelineError when there is none."""
    if settings.batch_size > images:
        raise PipelineError(
            f"{settings.section_name()}.batch_size: expected at most {images}, all images, found {settings.batch_size}"
        )
    return images // settings.batch_size


def shuffled(split: Split, settings: Train, epochs: range) -> Iterator[tuple[int, Arrays]]:
    """Yield the blocks of those epochs, each after its epoch, which has its own order and its own deformations.

    images (size, batch_size, 28, 28) float32, labels (size, batch_size) uint8, and on how many batches to train.
    A batch depends only on the split, the settings, its epoch and its number. The last, incomplete batch of an epoch
    is left out, because XLA would compile the step a second time for it; which images that leaves out changes every
    epoch. For the same reason the last block is as large as the others, filled up with zeros.
    """
    steps, batch_size = count_steps(len(split.labels), settings), settings.batch_size
    size = min(steps, max(1, BLOCK // batch_size))
    for epoch in epochs:
        progress = epoch / max(1, settings.epochs - 1)
        strength = augmentation.strength_at(progress, settings.augmentation, settings.augmentation_strength)
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.labels))
        every = order[: steps * batch_size].reshape(steps, batch_size)
        for first in range(0, steps, size):
            block = every[first : first + size]
            images = np.zeros((size, batch_size, *SHAPE), np.float32)
            labels = np.zeros((size, batch_size), np.uint8)
            labels[: len(block)] = split.labels[block]
            for number, batch in enumerate(block):
                place = first + number + 1  # from 1, because [seed, epoch, 0] seeds like [seed, epoch]
                random = np.random.default_rng([settings.seed, epoch, place])
                images[number] = augmentation.deform(split.images[batch], strength, random)
            yield epoch, (images, labels, np.int32(len(block)))


def in_order(split: Split) -> Iterator[Arrays]:
    """Yield all images (n, 28, 28) and labels (n,) in their order, and how many of them count.

    n is always the same, because XLA compiles once for each: the last ones are filled up with zeros.
    """
    size = min(len(split.labels), VALIDATION_BATCH)
    for start in range(0, len(split.labels), size):
        images, labels = split.images[start : start + size], split.labels[start : start + size]
        count = len(labels)
        if count < size:
            images, labels = (
                np.concatenate([a, np.zeros((size - count, *a.shape[1:]), a.dtype)]) for a in (images, labels)
            )
        yield images, labels, np.int32(count)


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield the items; a thread, which ends with this generator, meanwhile prepares the next two."""
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, items, None) for _ in range(2))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(thread.submit(next, items, None))
            yield item
