"""A network of dense layers in NumPy: a few matrix products do not need TensorFlow, whose import takes seconds."""

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax


def probabilities(layers: Sequence[tuple[np.ndarray, np.ndarray]], images: np.ndarray) -> np.ndarray:
    """Return the outputs, (n, outputs) float64, for images (n, 28, 28) float32 in [0, 1].

    layers: kernel (inputs, outputs) and bias (outputs,) of each; ReLU follows all but the last, softmax the last.
    """
    values = images.reshape(len(images), -1)
    for kernel, bias in layers[:-1]:
        values = np.maximum(values @ kernel + bias, 0)
    kernel, bias = layers[-1]
    return softmax((values @ kernel + bias).astype(np.float64), axis=1)
