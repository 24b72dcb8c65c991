import re

import numpy as np

import network.build
from fixtures import PROJECT, dense
from network.build import build
from network.determinism import uncovered

IMAGES = np.random.default_rng(0).random((20, 28, 28), np.float32)


def test_the_network_is_the_one_described():
    built = build(dense(128, 64), 10, 0)
    assert [type(layer).__name__ for layer in built.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in built.layers[1:]] == ["relu", "relu", "softmax"]
    assert built.count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    np.testing.assert_allclose(built.predict(IMAGES, verbose=0).sum(axis=1), 1, rtol=1e-5)


def test_the_seed_decides_the_weights():
    first, same, other = (build(dense(6, 5), 10, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert not (first[0] == other[0]).all()


def test_any_number_of_dense_layers_up_to_eight_has_the_promise_of_equal_bytes():
    assert [uncovered(build(dense(*[4] * number), 10, 0)) for number in (0, 1, 3, 8)] == [[]] * 4


def test_the_example_of_the_docs_is_a_network():
    page = (PROJECT / "docs/extending.md").read_text()
    scope = {name: getattr(network.build, name) for name in ("Model", "SHAPE", "keras", "layers")}
    exec(re.search(r"```python\n(def build.*?)```", page, re.DOTALL)[1], scope)
    assert scope["build"](dense(), 7, 0).output_shape == (None, 7)


def test_convolutions_are_those_of_the_example_of_keras():
    built = build(dense().model_copy(update={"convolutions": [32, 64]}), 10, 0)
    assert built.count_params() == 34_826  # which the example prints
    assert built.output_shape == (None, 10)
    assert uncovered(built) == []
    assert build(dense(4).model_copy(update={"convolutions": [2, 2, 2]}), 3, 0).output_shape == (None, 3)
