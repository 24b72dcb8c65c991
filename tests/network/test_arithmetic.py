import ctypes
import ctypes.util

import numpy as np
import pytest

from network import arithmetic
from network.determinism import tf

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
        (2, 512, 2),
        (3, 513, 1),
        (65, 784, 17),
        (10, 128, 130),
        (2, 5000, 2),
    ],
)
def test_a_product_is_a_chain_of_fused_multiply_adds_in_pieces(rows, terms, columns):
    a, b = (RANDOM.standard_normal(shape, np.float32) for shape in ((rows, terms), (columns, terms)))

    @tf.function(jit_compile=True)
    def product(a, b):
        return arithmetic.inner(arithmetic.in_pieces(a), arithmetic.in_pieces(b))

    np.testing.assert_array_equal(product(tf.constant(a), tf.constant(b)), fused(a, b.T))


def test_a_sum_does_not_depend_on_the_order():
    values = (RANDOM.standard_normal(10_001, np.float32) * np.float32(10)) ** 2
    found = {float(arithmetic.exact_sum(tf.constant(RANDOM.permutation(values)))) for _ in range(20)}
    assert len(found) == 1
    assert found.pop() == pytest.approx(float(values.astype(np.float64).sum()), rel=1e-12)
