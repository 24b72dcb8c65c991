import numpy as np

from fixtures import dense
from network.build import build

IMAGES = np.random.default_rng(0).random((20, 28, 28), np.float32)


def test_the_network_is_the_one_described():
    network = build(dense(128, 64), 10, 0)
    assert [type(layer).__name__ for layer in network.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in network.layers[1:]] == ["relu", "relu", "softmax"]
    assert network.count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    np.testing.assert_allclose(network.predict(IMAGES, verbose=0).sum(axis=1), 1, rtol=1e-5)


def test_the_seed_decides_the_weights():
    first, same, other = (build(dense(6, 5), 10, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert not (first[0] == other[0]).all()
