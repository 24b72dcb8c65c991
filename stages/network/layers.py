"""The layers with the same bytes on every machine: each computes with the products of arithmetic.py.

The gradient tape differentiates them. A dense layer brings its own gradient, made of the same products; a convolution
is a dense layer on patches, and all else is computed element by element, where only the order of the tape's sums
counts: those of overlapping patches, which it adds one after the other.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import numpy as np

from network.arithmetic import Weights, in_pieces, inner, pack, probabilities, unpack
from network.determinism import keras, tf

L = keras.layers
SLICE = 250  # images


def logits(layers: Sequence[keras.Layer], weights: Iterable[Weights], x: tf.Tensor, training: bool) -> tf.Tensor:
    """Return what the last layer gives to its softmax, (n, classes), for images x (n, 28, 28), n static.

    layers: those of a network of which contracts/archive.py says that all are covered.
    weights: packed, of the layers that have some.
    """
    remaining = iter(weights)
    for layer in layers:
        match layer:
            case L.Dense():
                x = dense(x, *next(remaining))
            case L.Conv2D():
                patches = tf.concat(windows(x, layer.kernel_size, layer.strides, layer.padding), 3)
                x = dense(tf.reshape(patches, (-1, patches.shape[3])), *next(remaining))
                x = tf.reshape(x, (*patches.shape[:3], layer.filters))
            case L.MaxPooling2D():
                x = reduce(tf.maximum, windows(x, layer.pool_size, layer.strides, layer.padding, -np.inf))
            case L.AveragePooling2D():
                x, count = (
                    tf.add_n(windows(a, layer.pool_size, layer.strides, layer.padding))
                    for a in (x, tf.ones((1, *x.shape[1:3], 1)))
                )
                x /= count
            case L.Dropout():
                x = dropout(x, layer) if training else x
            case _:
                x = tf.reshape(x, layer.compute_output_shape(x.shape))
        if getattr(layer, "activation", None) is keras.activations.relu:
            x = tf.nn.relu(x)
    return x


def in_slices(call: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Return call(images), computed for SLICE images at a time where these divide them: patches take much memory."""
    if images.shape[0] % SLICE:
        return call(images)
    slices = tf.reshape(images, (-1, SLICE, *images.shape[1:]))
    return tf.reshape(tf.map_fn(call, slices, fn_output_signature=tf.float32), (images.shape[0], -1))


def answer(layers: Sequence[keras.Layer], images: tf.Tensor) -> tf.Tensor:
    """Return the probabilities, (n, classes), of a network of covered layers for images (n, 28, 28), n static."""
    weights = [pack(layer.kernel.value, layer.bias.value) for layer in layers if layer.weights]
    return in_slices(lambda part: probabilities(logits(layers, weights, part, training=False)), images)


@tf.custom_gradient
def dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple:
    """Return x @ kernel + bias, (n, units), for x (n, inputs) and a packed kernel.

    Backpropagation: Rumelhart, Hinton and Williams (1986).
    """

    def gradient(error: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        errors = in_pieces(error, 0)
        by_kernel = in_pieces(inner(errors, in_pieces(x, 0)))
        by_bias = inner(errors, in_pieces(tf.ones((1, x.shape[0]))))[:, 0]
        kernel_rows = unpack(kernel, (x.shape[1], kernel.shape[1]))
        return inner(in_pieces(error), in_pieces(kernel_rows)), by_kernel, by_bias

    return inner(in_pieces(x), kernel) + bias, gradient


def windows(
    x: tf.Tensor, size: Sequence[int], strides: Sequence[int], padding: str, filling: float = 0.0
) -> list[tf.Tensor]:
    """Return what each place of a window sees as it moves over x (n, h, w, channels), row by row of the window.

    Each is (n, rows, columns, channels). With the padding "same", `filling` surrounds x as in TensorFlow.
    """
    if padding == "same":
        missing = [
            max((-(-n // step) - 1) * step + k - n, 0) for n, k, step in zip(x.shape[1:3], size, strides, strict=True)
        ]
        x = tf.pad(x, [[0, 0], *([m // 2, m - m // 2] for m in missing), [0, 0]], constant_values=filling)
    (down, right), (height, width) = strides, (n - k for n, k in zip(x.shape[1:3], size, strict=True))
    return [x[:, i : i + height + 1 : down, j : j + width + 1 : right] for i in range(size[0]) for j in range(size[1])]


def dropout(x: tf.Tensor, layer: keras.layers.Dropout) -> tf.Tensor:
    """Return x with a share of its elements set to 0 and the others enlarged: Srivastava et al. (2014).

    Which ones is decided by Threefry (Salmon et al., 2011), whole-number arithmetic of the layer's seed and a counter.
    """
    if layer.rate in (0, 1):  # Keras has no seed for a rate of 0
        return x * (1 - layer.rate)
    seed = layer.seed_generator.next()
    bits = tf.random.stateless_uniform(x.shape, tf.cast(seed, tf.int32), None, None, tf.uint32, alg="threefry")
    return tf.where(bits < int(layer.rate * 2**32), 0.0, x * np.float32(1 / (1 - layer.rate)))
