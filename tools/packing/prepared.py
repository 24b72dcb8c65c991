"""What the network is given of each picture: 28x28 grey levels, as MNIST has them or the whole picture scaled."""

import numpy as np
from PIL import Image

from common.errors import PipelineError
from contracts.dataset import SHAPE
from reader.reading.prepare import prepare


def as_digits(grey: np.ndarray) -> np.ndarray:
    """Return a digit prepared as MNIST was, (28, 28) uint8. Raises PipelineError when there is no ink."""
    image = prepare(grey)
    if image is None:
        raise PipelineError("no ink found")
    return np.rint(image * 255).astype(np.uint8)


def as_picture(grey: np.ndarray) -> np.ndarray:
    """Return the whole picture within (28, 28) uint8, its aspect kept, on its background.

    Raises PipelineError when there is nothing in it.
    """
    if grey.max() == grey.min():
        raise PipelineError("the same grey level everywhere")
    levels = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    height, width = (max(1, int(side * SHAPE[0] / max(levels.shape) + 0.5)) for side in levels.shape)
    small = np.asarray(Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR))
    top, left = (SHAPE[0] - height) // 2, (SHAPE[1] - width) // 2
    image = np.full(SHAPE, edge(levels), np.uint8)
    image[top : top + height, left : left + width] = small
    return image


def edge(grey: np.ndarray) -> int:
    """Return the median grey level of the outermost pixels, which are background in most pictures."""
    outermost = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return int(np.sort(outermost)[outermost.size // 2])


def is_light(images: np.ndarray) -> bool:
    """Whether most pictures have a light background: MNIST's is 0, so these are to be turned."""
    return bool(np.median([edge(image) for image in images]) > 127)
