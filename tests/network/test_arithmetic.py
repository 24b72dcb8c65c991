import ctypes
import ctypes.util

import numpy as np
import pytest

from network import arithmetic
from network.determinism import keras, tf

RANDOM = np.random.default_rng(0)


def fused(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Multiply as the contract has it, one fused multiply-add of the C library after the other."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    library.fmaf.restype, library.fmaf.argtypes = ctypes.c_float, [ctypes.c_float] * 3

    def element(row: np.ndarray, column: np.ndarray) -> np.float32:
        length = -(-len(row) // -(-len(row) // 512))
        pieces = []
        for start in range(0, len(row), length):
            part = slice(start, start + length)
            total = 0.0
            for x, y in zip(row[part].tolist(), column[part].tolist(), strict=True):
                total = library.fmaf(x, y, total)
            pieces.append(np.float32(total))
        total = pieces[0]
        for piece in pieces[1:]:
            total += piece
        return total

    return np.array([[element(row, column) for column in b.T] for row in a])


@pytest.mark.parametrize(
    ("rows", "terms", "columns"),
    [
        (1, 1, 1),
        (1, 3, 1),
        (1, 785, 10),
        (2, 512, 2),
        (3, 513, 1),
        (65, 784, 17),
        (10, 128, 130),
        (4, 1025, 3),
        (2, 5000, 2),
    ],
)
def test_a_product_is_a_chain_of_fused_multiply_adds_in_pieces(rows, terms, columns):
    a, b = (RANDOM.standard_normal(shape, np.float32) for shape in ((rows, terms), (columns, terms)))

    @tf.function(jit_compile=True)
    def product(a, b):
        return arithmetic.inner(arithmetic.in_pieces(a), arithmetic.in_pieces(b))

    np.testing.assert_array_equal(product(tf.constant(a), tf.constant(b)), fused(a, b.T))


@pytest.mark.parametrize("inputs", [(1,), (3,), (512,), (513,), (1025,), (3, 3, 60)])
def test_a_packed_kernel_is_unpacked_unchanged(inputs):
    kernel = RANDOM.standard_normal((*inputs, 3), np.float32)
    packed = arithmetic.pack(kernel, np.zeros(3)).kernel
    np.testing.assert_array_equal(arithmetic.unpack(packed, kernel.shape), kernel)


def test_a_sum_does_not_depend_on_the_order():
    values = (RANDOM.standard_normal(10_001, np.float32) * np.float32(10)) ** 2
    found = {float(arithmetic.exact_sum(tf.constant(RANDOM.permutation(values)))) for _ in range(20)}
    assert len(found) == 1
    assert found.pop() == pytest.approx(float(values.astype(np.float64).sum()), rel=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sum_with_nan_or_infinity_is_not_finite(value):
    assert not np.isfinite(arithmetic.exact_sum(tf.constant([1.0, value, 2.0])))


def test_loss_and_its_gradient_are_those_of_keras_but_for_rounding():
    z, labels = (
        tf.constant(RANDOM.standard_normal((7, 4), np.float32) * 5),
        tf.constant([0, 1, 2, 3, 0, 1, 2], tf.uint8),
    )
    with tf.GradientTape() as tape:
        tape.watch(z)
        losses = keras.losses.sparse_categorical_crossentropy(labels, z, from_logits=True)
        mean = tf.reduce_mean(losses)
    np.testing.assert_allclose(arithmetic.cross_entropy(z, labels), losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(arithmetic.loss_gradient(z, labels), tape.gradient(mean, z), rtol=1e-5, atol=1e-7)
