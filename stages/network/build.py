"""The network of the pipeline: edit `build` to train another one, of any layers that Keras has."""

from common.params import Model
from contracts.dataset import SHAPE
from network.determinism import keras

layers = keras.layers


def build(settings: Model, classes: int, seed: int) -> keras.Model:
    """Return the network, (n, 28, 28) float32 in [0, 1] -> (n, classes) probabilities, with weights drawn from `seed`.

    With convolutions it is Keras' own example for MNIST. Name every layer: the names that Keras makes up count the
    layers of the process. docs/reproducibility.md lists the layers that have the same bytes on every machine.
    """
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
