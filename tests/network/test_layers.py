"""The covered layers: Keras' own answers and gradients but for rounding, and the contract's products bit by bit."""

import numpy as np
import pytest
from networks import build
from test_arithmetic import fused

from fixtures import dense
from network import arithmetic, layers
from network.determinism import keras, tf, uncovered
from network.step import Canonical

L = keras.layers
RANDOM = np.random.default_rng(0)
RESHAPE, FLATTEN = L.Reshape((28, 28, 1), name="channel"), L.Flatten(name="flatten")


def images(n: int) -> np.ndarray:
    return RANDOM.random((n, 28, 28), np.float32)


def network(*before: keras.Layer, classes: int = 10) -> keras.Model:
    """A covered network: what is before the last layer, whose inputs are made flat."""
    last = L.Dense(classes, activation="softmax", name="out")
    built = keras.Sequential([keras.Input((28, 28)), *before, *([FLATTEN] if RESHAPE in before else []), last])
    assert uncovered(built) == []
    return built


def convolution(filters: int, size: int | tuple, **options) -> keras.Layer:
    return L.Conv2D(filters, size, activation="relu", **options)


NETWORKS = {
    "one layer of one unit": lambda: build(dense(1, 1), 10, 0),
    "dense, long sums": lambda: build(dense(600, 3, 1030), 10, 0),
    "Keras' example, smaller": lambda: build(dense(7).model_copy(update={"convolutions": [3, 5]}), 10, 0),
    "a convolution of one pixel and one filter": lambda: network(RESHAPE, convolution(1, 1)),
    "kernels that are not square, strides, long sums": lambda: network(
        RESHAPE, convolution(60, (5, 2), strides=(2, 3)), convolution(3, 3), L.MaxPooling2D((1, 2))
    ),
    "same, even and odd, with strides": lambda: network(
        RESHAPE, convolution(4, 4, padding="same", strides=3), convolution(3, (3, 2), padding="same")
    ),
    "average pooling, whole and cut off": lambda: network(
        RESHAPE, L.AveragePooling2D(3, padding="same"), convolution(2, 3), L.AveragePooling2D((3, 2))
    ),
    "maximum pooling, cut off, overlapping, padded": lambda: network(
        RESHAPE, convolution(2, 2), L.MaxPooling2D(4), L.MaxPooling2D(3, strides=1, padding="same")
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_and_gradients_are_those_of_keras_but_for_rounding(name):
    keras.utils.set_random_seed(1)
    built, x, labels = NETWORKS[name](), tf.constant(images(9)), tf.constant(np.arange(9))
    for layer in built.layers:
        layer.rate = 0  # of dropout, whose masks are its own
    kind = Canonical(built)
    logits, found = tf.function(kind.gradients, jit_compile=True, autograph=False)(x, labels)
    with tf.GradientTape() as tape:
        probabilities = built(x, training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, probabilities))
    np.testing.assert_allclose(arithmetic.probabilities(logits), probabilities, rtol=1e-4, atol=1e-6)
    expected = tape.gradient(loss, built.trainable_variables)
    for gradient, value in zip(found, expected, strict=True):
        packed = gradient.shape.rank == 3
        gradient = arithmetic.unpack(gradient, value.shape) if packed else gradient
        np.testing.assert_allclose(gradient, value, rtol=1e-3, atol=1e-6)


def test_a_convolution_is_the_contract_s_product_of_patches_and_so_are_its_gradients():
    x, kernel, error = (RANDOM.standard_normal(s, np.float32) for s in ((3, 16, 15, 2), (2, 3, 2, 4), (3, 15, 13, 4)))
    layer = L.Conv2D(4, (2, 3))
    layer.build(x.shape)
    packed = arithmetic.pack(tf.constant(kernel), tf.zeros(4))

    @tf.function(jit_compile=True, autograph=False)
    def both(x, packed, error):
        with tf.GradientTape() as tape:
            tape.watch([x, packed.kernel])
            y = layers.logits([layer], [packed], x, training=True)
        return y, *tape.gradient(y, [x, packed.kernel], error)

    y, by_x, by_kernel = both(tf.constant(x), packed, tf.constant(error))
    places = [(n, i, j) for n in range(3) for i in range(15) for j in range(13)]
    patches = np.array([x[n, i : i + 2, j : j + 3].ravel() for n, i, j in places])
    errors = error.reshape(-1, 4)
    np.testing.assert_array_equal(np.reshape(y, (-1, 4)), fused(patches, kernel.reshape(-1, 4)))
    found = arithmetic.unpack(by_kernel, kernel.shape)
    np.testing.assert_array_equal(np.reshape(found, (-1, 4)), fused(patches.T, errors))  # sums of 585 terms

    parts = fused(errors, kernel.reshape(-1, 4).T).reshape(3, 15, 13, 2, 3, 2)
    expected = np.zeros_like(x)
    for i, j in np.ndindex(2, 3):  # where patches overlap, in their order
        expected[:, i : i + 15, j : j + 13] += parts[:, :, :, i, j]
    np.testing.assert_array_equal(by_x, expected)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (L.Dense(3, "relu", trainable=False), "dense (trainable)"),
        (L.Dense(3, "relu", use_bias=False), "dense (use_bias)"),
        (L.Dense(3, "relu", kernel_initializer="he_normal"), "dense (kernel_initializer)"),
        (L.Dropout(0.5, noise_shape=(None, 1)), "dropout (noise_shape)"),
        (L.Dense(3), "dense (activation)"),
    ],
)
def test_an_option_that_is_not_covered_is_named(layer, kind):
    last = L.Dense(10, activation="softmax")
    assert uncovered(keras.Sequential([keras.Input((28, 28)), FLATTEN, layer, last])) == [kind]


def test_dropout_keeps_its_share_enlarges_it_and_changes_from_step_to_step():
    layer, x = L.Dropout(0.3, seed=5), tf.ones((100, 1000))
    call = tf.function(lambda: layers.dropout(x, layer), jit_compile=True, autograph=False)
    first, second = call().numpy(), call().numpy()
    for dropped in (first, second):
        assert {*np.unique(dropped)} == {0, np.float32(1 / 0.7)}
        assert (dropped == 0).mean() == pytest.approx(0.3, abs=0.006)  # four standard errors
    assert ((first == 0) & (second == 0)).mean() == pytest.approx(0.09, abs=0.004)
    np.testing.assert_array_equal(layers.dropout(x, L.Dropout(0.0)), x)
    assert not np.any(layers.dropout(x, L.Dropout(1.0)))
    layer.seed_generator.state.assign([5, 0])
    np.testing.assert_array_equal(call(), first)
    assert layers.logits([layer], [], x, training=False) is x


def test_the_answer_for_an_image_does_not_depend_on_the_others():
    built, many = NETWORKS["Keras' example, smaller"](), images(2 * layers.SLICE)
    answer = tf.function(lambda x: layers.answer(built.layers, x), jit_compile=True, autograph=False)
    every = answer(tf.constant(many)).numpy()
    np.testing.assert_allclose(every, built.predict(many, verbose=0), rtol=1e-4, atol=1e-6)
    for n in (1, 33):
        np.testing.assert_array_equal(answer(tf.constant(many[:n])), every[:n])
