"""Stands for stages/network/predict.py: the network is the mean image of each class, and needs no TensorFlow."""

import numpy as np

from contracts import archive


def load() -> np.ndarray:
    """Return the mean images, (classes, 784) float32."""
    return np.frombuffer(archive.PATH.read_bytes(), np.float32).reshape(-1, 28 * 28)


def compiled(network: np.ndarray) -> np.ndarray:
    return network


def predict(network: np.ndarray, images: np.ndarray) -> np.ndarray:
    distances = [((image - network) ** 2).mean(axis=1) for image in images.reshape(len(images), -1)]
    powers = np.exp(-100 * np.array(distances))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
