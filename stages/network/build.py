"""The network of the pipeline: edit `build` to train another one."""

from common.params import Model
from contracts.dataset import SHAPE
from network.determinism import keras


def build(settings: Model, classes: int, seed: int) -> keras.Model:
    """Return the network, (n, 28, 28) float32 in [0, 1] -> (n, classes) probabilities, with weights drawn from `seed`.

    Name every layer: names that Keras makes up count the layers of the process.
    """
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE, name="image"),
            keras.layers.Flatten(name="flatten"),
            *(
                keras.layers.Dense(units, activation="relu", name=f"hidden_{i}")
                for i, units in enumerate(settings.hidden_units, 1)
            ),
            keras.layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="digits",
    )
