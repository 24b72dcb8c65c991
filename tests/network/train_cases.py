"""Train every case below for a few steps and print a digest of all results; run in a process of its own.

`python tests/network/train_cases.py [CASE...]`: all cases, or some by their number, in the current folder.
digests.txt has what it must print on every machine, except for the case `open`, whose layers network/layers.py does not
cover: its digest is the same on one machine. To record a change of the arithmetic or of TensorFlow:
`python .../tests/network/train_cases.py | grep 'digest [0-9]' > .../tests/network/digests.txt`.
"""

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "stages"))

PROJECT = Path(__file__).parents[2]
SETTINGS = {
    "epochs": 2,
    "learning_rate": 0.001,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "augmentation": "none",
    "augmentation_strength": [1.0, 1.0],
    "seed": 0,
}
# batch size, images, parameters of the network, what else changes
CASES: list[tuple[int, int, dict, dict]] = [
    (1, 3, {"hidden_units": [512, 256]}, {}),
    (2, 7, {"hidden_units": [1, 1]}, {}),
    (32, 100, {"hidden_units": [512, 256]}, {"weight_decay": 0.5}),
    (64, 200, {"hidden_units": [3, 700]}, {}),
    (128, 400, {"hidden_units": [512, 256]}, {"schedule": "constant"}),
    (321, 700, {"hidden_units": [512, 256]}, {}),
    (513, 1100, {"hidden_units": [512, 256]}, {}),
    (2100, 2100, {"hidden_units": [130, 20]}, {}),  # the whole split in one step
    (1, 3, {"convolutions": [3, 5], "hidden_units": [9]}, {"weight_decay": 0.5}),
    (37, 100, {"convolutions": [60, 2]}, {}),
    (128, 400, {"convolutions": [32, 64]}, {}),
    (32, 100, {"convolutions": [32, 64]}, {"augmentation": "elastic"}),
]


def digest(name: str) -> str:
    """Train two epochs and predict every image; hash the archive, the history and the probabilities."""
    import numpy as np
    from networks import build

    from common.params import Model, Train, parse
    from contracts import archive
    from contracts.dataset import Split
    from network import batches, predict
    from network.checkpoint import Checkpoint
    from network.determinism import keras, steady
    from network.fit import fit

    def build_open() -> keras.Model:
        keras.utils.set_random_seed(0)
        layers = keras.layers
        image = keras.Input((28, 28), name="image")
        x = layers.Reshape((28, 28, 1), name="r")(image)
        x = layers.Conv2D(16, 3, activation="relu", name="c1")(x)
        x = layers.Conv2D(32, 3, strides=2, activation="gelu", name="c2")(x)
        x = layers.Flatten(name="f")(layers.BatchNormalization(name="b")(x))
        x = layers.Dense(64, activation="tanh", name="h")(layers.Dropout(0.3, name="d")(x))
        return keras.Model(image, layers.Dense(10, activation="softmax", name="p")(x), name="open")

    batch_size, images, architecture, changes = (64, 600, {}, {}) if name == "open" else CASES[int(name)]
    random = np.random.default_rng(0)
    pixels = random.random((images, 28, 28), np.float32) * (random.random((images, 28, 28)) < 0.2)
    split = Split(pixels.astype(np.float32), (np.arange(images) % 10).astype(np.uint8))
    parameters = parse((PROJECT / "params.yaml").read_text())  # for parameters that are new
    settings = Train(**parameters["train"] | SETTINGS | {"batch_size": batch_size} | changes)
    model = Model(**parameters["model"] | {"convolutions": [], "hidden_units": []} | architecture)
    network = steady(build_open) if name == "open" else build(model, 10, 0)
    batches.VALIDATION_BATCH = min(batch_size, 300)  # with a rest, and down to one image
    saved = Checkpoint("train", [], "", Path("history.csv"), settings.epochs)
    fit(network, split, split, settings, saved)
    saved.discard()
    archive.save(network)
    answers = predict.predict(predict.compiled(predict.load()), split.images)
    contents = [archive.PATH.read_bytes(), saved.history.read_bytes(), answers.tobytes()]
    return hashlib.sha256(b"".join(contents)).hexdigest()


def main() -> None:
    for name in sys.argv[1:] or map(str, range(len(CASES))):
        print("digest", name, digest(name), flush=True)


if __name__ == "__main__":
    main()
