"""The arithmetic of the network, in an order that depends on the shapes alone: the same bytes on any number of cores.

TensorFlow and XLA promise no order of summation. Four of their orders depend on the machine (docs/reproducibility.md
has the experiments):
- XLA takes a matrix product from YNNPACK, or from Eigen when the left operand is transposed. Eigen cuts the sums by the
  number of threads and the size of the cache.
- YNNPACK copies ("packs") the right operand before it multiplies, unless the left one has few rows; without the copy it
  cuts the sums by the number of threads. It always packs a right operand that is given transposed.
- A product with a single row or column is a loop of XLA's own, vectorised as wide as the CPU's vectors.
- So is any other sum (`reduce_sum`, and with it the mean loss and the gradient of a bias).

So here every product has the one form that YNNPACK packs (`product`), and every other sum is exact, so that its order
does not matter (`exact_sum`). An element of a product is then a chain of fused multiply-adds over at most 512 terms;
longer sums are cut into the fewest pieces of equal length, filled up with zeros, and these are added one after the
other. (YNNPACK begins a new sum after 512 terms where it finds that faster, and on ARM CPUs with SME it never does.)
This holds with the XLA flags of common/determinism.py: transposes must not be folded back into the products.

Only the arithmetic is replaced: the layers, their weights and the saved archive are Keras' own.
"""

from collections.abc import Sequence

from common.determinism import keras, tf
from common.errors import PipelineError

PIECE = 512  # terms at most
UNIT = 2.0**-30  # of exact sums: up to 2**23 numbers below 2**0, or 2**16 below 2**7, fit into the 53 bits of float64
COVERED = {"relu": tf.nn.relu, "softmax": tf.identity}  # softmax: `logits` stops before it


def product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return a @ b for a (m, k) and b (k, n), float32, of static shapes."""
    (rows, terms), columns = a.shape, b.shape[1]
    number = -(-terms // PIECE)
    length = max(2, -(-terms // number))  # one term would be no product for XLA, but a factor of the sum
    fill = number * length - terms
    a = tf.pad(a, [[0, int(rows == 1)], [0, fill]])
    b = tf.pad(b, [[0, fill], [0, int(columns == 1)]])
    a = tf.transpose(tf.reshape(a, (-1, number, length)), (1, 0, 2))
    b = tf.transpose(tf.reshape(b, (number, length, -1)), (0, 2, 1))
    pieces = tf.matmul(a, b, transpose_b=True)  # (number, m, n)
    return tf.add_n(tf.unstack(pieces))[:rows, :columns]


@tf.custom_gradient
def affine(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Return x @ kernel + bias, for x (n, inputs), and the function that gives its gradients."""

    def gradients(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        ones = tf.ones((1, dy.shape[0]))
        return product(dy, tf.transpose(kernel)), product(tf.transpose(x), dy), product(ones, dy)[0]

    return product(x, kernel) + bias, gradients


def exact_sum(x: tf.Tensor, axis: int | None = None) -> tf.Tensor:
    """Return the sum in float64 of x, each rounded to a multiple of UNIT; NaN and infinity survive."""
    return tf.reduce_sum(tf.round(tf.cast(x, tf.float64) / UNIT), axis) * UNIT


def require_covered(layers: Sequence[keras.Layer]) -> None:
    """Raises PipelineError when a layer is not of a kind whose arithmetic is replaced here."""
    *hidden, last = [layer for layer in layers if not isinstance(layer, keras.layers.InputLayer)]
    for layer in [*hidden, last]:
        expected = "softmax" if layer is last else "relu"
        dense = type(layer) is keras.layers.Dense and layer.use_bias and layer.activation.__name__ == expected
        if not dense and not (type(layer) is keras.layers.Flatten and layer is not last):
            raise PipelineError(
                f"layer {layer.name}: expected Flatten or Dense with bias (relu, and softmax at the end), found "
                f"{type(layer).__name__}; common/arithmetic.py must cover it for equal bytes on any machine"
            )


def logits(layers: Sequence[keras.Layer], images: tf.Tensor) -> tf.Tensor:
    """Return what the last layer passes to its softmax, (n, classes), for images (n, 28, 28), n static."""
    x = tf.reshape(images, (images.shape[0], -1))
    for layer in layers:
        if isinstance(layer, keras.layers.Dense):
            x = affine(x, layer.kernel.value, layer.bias.value)
            x = COVERED[layer.activation.__name__](x)
    return x


def softmax(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return z less its largest of each row, the exponentials of that, and the sum of these; z (n, classes)."""
    shifted = z - tf.reduce_max(z, 1, keepdims=True)
    powers = tf.exp(shifted)
    return shifted, powers, tf.cast(exact_sum(powers, 1), tf.float32)[:, None]


def probabilities(layers: Sequence[keras.Layer], images: tf.Tensor) -> tf.Tensor:
    """Return what the network answers, (n, classes), for images (n, 28, 28), n static."""
    _, powers, total = softmax(logits(layers, images))
    return powers / total


def loss_gradient(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the mean cross-entropy by the logits z, (n, classes)."""
    _, powers, total = softmax(z)
    return (powers / total - tf.one_hot(tf.cast(labels, tf.int32), z.shape[1])) / z.shape[0]


def cross_entropy(z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the loss of each row of the logits z, (n,), as Keras' sparse_categorical_crossentropy has it."""
    shifted, _, total = softmax(z)
    return tf.math.log(total[:, 0]) - tf.gather(shifted, tf.cast(labels, tf.int32), batch_dims=1)
