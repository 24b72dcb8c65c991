"""The network of the tests: that of stages/network/build.py, which users edit, as the project has it."""

from common.params import Model
from contracts.dataset import SHAPE
from network.determinism import keras

layers = keras.layers


def build(settings: Model, classes: int, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    network = keras.Sequential([keras.Input(SHAPE, name="image")], name="digits")
    if settings.convolutions:
        network.add(layers.Reshape((*SHAPE, 1), name="channel"))
        for i, filters in enumerate(settings.convolutions, 1):
            network.add(layers.Conv2D(filters, 3, activation="relu", name=f"convolution_{i}"))
            network.add(layers.MaxPooling2D(name=f"pooling_{i}"))
    network.add(layers.Flatten(name="flatten"))
    if settings.convolutions:
        network.add(layers.Dropout(0.5, name="dropout"))
    for i, units in enumerate(settings.hidden_units, 1):
        network.add(layers.Dense(units, activation="relu", name=f"hidden_{i}"))
    network.add(layers.Dense(classes, activation="softmax", name="probabilities"))
    return network
