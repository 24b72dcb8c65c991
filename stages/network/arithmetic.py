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

Kernels are stored as the products need them (`pack`), and layers pass on (units, images): transposing them in every
step would take a sixth of the training. Only the arithmetic is replaced: layers, weights and archive are Keras' own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from network.determinism import keras, tf

PIECE = 512  # terms at most
UNIT = 2.0**-30  # of exact sums: up to 2**23 numbers below 2**0, or 2**16 below 2**7, fit into the 53 bits of float64


class Weights(NamedTuple):
    """A layer's kernel, (pieces, units, length) instead of Keras' (inputs, units), and its bias, (units,)."""

    kernel: tf.Tensor
    bias: tf.Tensor


def in_pieces(a: tf.Tensor) -> tf.Tensor:
    """Return a (m, k) with its terms in the fewest pieces of equal length: (pieces, m, length), filled with zeros."""
    rows, terms = a.shape
    number = -(-terms // PIECE)
    length = -(-terms // number)
    a = tf.pad(a, [[0, 0], [0, number * length - terms]])
    return tf.transpose(tf.reshape(a, (rows, number, length)), (1, 0, 2))


def inner(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the inner products of the rows of a (pieces, m, k) with those of b (pieces, n, k): (m, n).

    Zeros are added to a single row, column or term: XLA would not treat it as a matrix. No operand may be repeated to
    fit (tf.broadcast_to): XLA takes that out of the product, which then has another form on ARM.
    """
    (_, rows, terms), columns = a.shape, b.shape[1]
    if 1 in (rows, terms):
        a = tf.pad(a, [[0, 0], [0, int(rows == 1)], [0, int(terms == 1)]])
    if 1 in (columns, terms):
        b = tf.pad(b, [[0, 0], [0, int(columns == 1)], [0, int(terms == 1)]])
    return tf.add_n(tf.unstack(tf.matmul(a, b, transpose_b=True)))[:rows, :columns]


def pack(kernel: tf.Tensor, bias: tf.Tensor) -> Weights:
    """Return a layer's weights as the products need them, for Keras' kernel (inputs, units) and bias (units,)."""
    return Weights(in_pieces(tf.transpose(kernel)), bias)


def unpack(kernel: tf.Tensor, inputs: int) -> tf.Tensor:
    """Return Keras' form, (inputs, units), of a packed kernel or of anything of its shape: a gradient, a moment."""
    pieces, units, length = kernel.shape
    return tf.reshape(tf.transpose(kernel, (0, 2, 1)), (pieces * length, units))[:inputs]


def dense(layers: Sequence[keras.Layer]) -> list[keras.layers.Dense]:
    return [layer for layer in layers if isinstance(layer, keras.layers.Dense)]


def forward(weights: Sequence[Weights], images: tf.Tensor) -> list[tf.Tensor]:
    """Return the inputs of each layer, (inputs, n), and the logits, (classes, n), for images (n, 28, 28), n static."""
    x = tf.reshape(images, (images.shape[0], -1))
    passed = [tf.transpose(x)]
    for kernel, bias in weights:
        z = inner(kernel, in_pieces(x)) + bias[:, None]
        passed.append(tf.nn.relu(z) if len(passed) < len(weights) else z)
        x = tf.transpose(passed[-1])
    return passed


def backward(weights: Sequence[Weights], passed: Sequence[tf.Tensor], error: tf.Tensor) -> list[Weights]:
    """Return the gradients of the weights, for the result of `forward` and the gradient of the logits, (classes, n).

    Backpropagation: Rumelhart, Hinton and Williams (1986).
    """
    gradients: list[Weights] = []
    errors = in_pieces(error)
    for (kernel, _), x in zip(weights[::-1], passed[-2::-1], strict=True):
        inputs, n = x.shape
        bias = inner(errors, in_pieces(tf.ones((1, n))))[:, 0]
        gradients.append(Weights(in_pieces(inner(errors, in_pieces(x))), bias))
        if len(gradients) < len(weights):
            error = inner(in_pieces(unpack(kernel, inputs)), in_pieces(tf.transpose(error)))
            error = tf.where(x > 0, error, 0.0)
            errors = in_pieces(error)
    return gradients[::-1]


def exact_sum(x: tf.Tensor, axis: int | None = None) -> tf.Tensor:
    """Return the float64 sum of x, whose elements are rounded to multiples of UNIT; NaN and infinity survive."""
    return tf.reduce_sum(tf.round(tf.cast(x, tf.float64) / UNIT), axis) * UNIT


def softmax(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return z (n, classes) less the largest of each row, the exponentials of that, and the sums of these, (n, 1)."""
    shifted = z - tf.reduce_max(z, 1, keepdims=True)
    powers = tf.exp(shifted)
    return shifted, powers, tf.cast(exact_sum(powers, 1), tf.float32)[:, None]


def probabilities(layers: Sequence[keras.Layer], images: tf.Tensor) -> tf.Tensor:
    """Return the network's probabilities, (n, classes), for images (n, 28, 28), n static."""
    weights = [pack(layer.kernel.value, layer.bias.value) for layer in dense(layers)]
    _, powers, total = softmax(tf.transpose(forward(weights, images)[-1]))
    return powers / total


def loss_gradient(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the mean cross-entropy by the logits z, (n, classes)."""
    _, powers, total = softmax(z)
    return (powers / total - tf.one_hot(tf.cast(labels, tf.int32), z.shape[1])) / z.shape[0]


def cross_entropy(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the loss of each row of the logits z, (n,): Keras' sparse_categorical_crossentropy."""
    shifted, _, total = softmax(z)
    return tf.math.log(total[:, 0]) - tf.gather(shifted, tf.cast(labels, tf.int32), batch_dims=1)
