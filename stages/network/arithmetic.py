"""The network's sums in an order that depends on the shapes alone: the same bytes on any number of cores.

TensorFlow and XLA promise no order of summation. Four of their orders depend on the machine (docs/reproducibility.md
has the experiments):
- XLA leaves a matrix product to YNNPACK, or to Eigen when the left operand is transposed. Eigen cuts the sums by the
  number of threads and the size of the cache.
- YNNPACK copies ("packs") the right operand before it multiplies, unless the left one has few rows; without the copy it
  cuts the sums by the number of threads. It always packs a right operand that is given transposed.
- A product with a single row or column is a loop of XLA's own, vectorised as wide as the CPU's vectors.
- So is any other sum (`reduce_sum`, and with it the mean loss and the gradient of a bias).

Here every product has the one form that YNNPACK packs, inner products of rows (`inner`), and every other sum is exact,
so its order does not matter (`exact_sum`). An element of a product is then a chain of fused multiply-adds over at most
512 terms; longer sums are cut into the fewest pieces of equal length, filled up with zeros, and these are added one
after the other. (YNNPACK begins a new sum after 512 terms where it finds that faster; on ARM CPUs with SME it never
does.) This needs the XLA flags of network/determinism.py: transposes must stay out of the products.

Kernels are stored as the forward products need them (`pack`). Only the arithmetic is replaced: layers, weights and
archive are Keras' own. layers.py builds the layers on it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from network.determinism import tf

PIECE = 512  # terms at most
UNIT = 2.0**-30  # of exact sums: up to 2**23 numbers below 2**0, or 2**16 below 2**7, fit into the 53 bits of float64


class Weights(NamedTuple):
    """A layer's kernel, (pieces, units, length) instead of Keras' (..., units), and its bias, (units,)."""

    kernel: tf.Tensor
    bias: tf.Tensor


def in_pieces(a: tf.Tensor, axis: int = 1) -> tf.Tensor:
    """Return the rows of a matrix, or with axis 0 its columns, in the fewest pieces of equal length, filled with zeros.

    (m, terms), or (terms, m), becomes (pieces, m, length).
    """
    terms = a.shape[axis]
    number = -(-terms // PIECE)
    length = -(-terms // number)
    filling = [0, number * length - terms]
    if axis == 0:
        return tf.transpose(tf.reshape(tf.pad(a, [filling, [0, 0]]), (number, length, a.shape[1])), (0, 2, 1))
    return tf.transpose(tf.reshape(tf.pad(a, [[0, 0], filling]), (a.shape[0], number, length)), (1, 0, 2))


def inner(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the inner products of the rows of a (pieces, m, k) with those of b (pieces, n, k): (m, n).

    Zeros are added to a single row, column or term: XLA would not treat it as a matrix. No operand may be repeated to
    fit (tf.broadcast_to): XLA takes that out of the product, which then has another form on ARM.
    """
    (_, rows, terms), columns = a.shape, b.shape[1]
    if rows < columns:
        return tf.transpose(inner(b, a))
    if 1 in (rows, terms):
        a = tf.pad(a, [[0, 0], [0, int(rows == 1)], [0, int(terms == 1)]])
    if 1 in (columns, terms):
        b = tf.pad(b, [[0, 0], [0, int(columns == 1)], [0, int(terms == 1)]])
    return tf.add_n(tf.unstack(tf.matmul(a, b, transpose_b=True)))[:rows, :columns]


def pack(kernel: tf.Tensor, bias: tf.Tensor) -> Weights:
    """Return a layer's weights as the products need them, for Keras' kernel (..., units) and bias (units,)."""
    return Weights(in_pieces(tf.reshape(kernel, (-1, kernel.shape[-1])), 0), bias)


def unpack(kernel: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Return Keras' form, (..., units), of a packed kernel or of anything of its shape: a gradient, a moment."""
    pieces, units, length = kernel.shape
    terms = math.prod(shape[:-1])
    return tf.reshape(tf.reshape(tf.transpose(kernel, (0, 2, 1)), (pieces * length, units))[:terms], shape)


def exact_sum(x: tf.Tensor, axis: int | None = None) -> tf.Tensor:
    """Return the float64 sum of x, whose elements are rounded to multiples of UNIT; NaN and infinity survive."""
    return tf.reduce_sum(tf.round(tf.cast(x, tf.float64) / UNIT), axis) * UNIT


def softmax(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return z (n, classes) less the largest of each row, the exponentials of that, and the sums of these, (n, 1)."""
    shifted = z - tf.reduce_max(z, 1, keepdims=True)
    powers = tf.exp(shifted)
    return shifted, powers, tf.cast(exact_sum(powers, 1), tf.float32)[:, None]


def probabilities(z: tf.Tensor) -> tf.Tensor:
    """Return the probabilities, (n, classes), for the logits z, (n, classes)."""
    _, powers, total = softmax(z)
    return powers / total


def loss_gradient(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the mean cross-entropy by the logits z, (n, classes)."""
    return (probabilities(z) - tf.one_hot(tf.cast(labels, tf.int32), z.shape[1])) / z.shape[0]


def cross_entropy(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the loss of each row of the logits z, (n,): Keras' sparse_categorical_crossentropy."""
    shifted, _, total = softmax(z)
    return tf.math.log(total[:, 0]) - tf.gather(shifted, tf.cast(labels, tf.int32), batch_dims=1)
