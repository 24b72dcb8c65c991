"""Train every case below for a few steps and print a digest of all that comes out; run in a process of its own.

`python tests/network/train_cases.py [CASE...]`: all cases, or some by their number, in the current folder.
digests.txt has what it must print on every machine. To record a change of the arithmetic or of TensorFlow:
`python .../tests/network/train_cases.py | grep digest > .../tests/network/digests.txt`.
"""

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "stages"))

SETTINGS = {
    "epochs": 2,
    "learning_rate": 0.001,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "augmentation": "none",
    "augmentation_strength": [1.0, 1.0],
    "seed": 0,
}
# batch size, images, hidden units, what else changes
CASES = [
    (1, 3, [512, 256], {}),
    (2, 7, [1, 1], {}),
    (8, 31, [16, 12], {"augmentation": "shift"}),
    (31, 93, [128, 64], {}),
    (32, 100, [512, 256], {"weight_decay": 0.5}),
    (60, 180, [128, 64], {"augmentation": "elastic", "weight_decay": 0.5}),
    (64, 200, [3, 700], {}),
    (100, 300, [700, 1], {}),
    (128, 400, [512, 256], {"schedule": "constant"}),
    (200, 600, [1, 64], {"weight_decay": 0.5}),
    (320, 700, [128, 64], {}),
    (321, 700, [512, 256], {}),
    (512, 1100, [64, 32], {"augmentation": "shift"}),
    (513, 1100, [512, 256], {}),
    (1000, 2100, [128, 64], {"weight_decay": 0.5}),
    (2100, 2100, [130, 20], {}),  # the whole split in one step
]


def digest(case: tuple) -> str:
    """Train two epochs and answer for every image; hash the archive, the history and the answers."""
    import numpy as np

    from common.params import Model, Train
    from contracts import archive
    from contracts.dataset import Split
    from network import batches, predict
    from network.build import build
    from network.checkpoint import Checkpoint
    from network.fit import fit

    batch_size, images, units, changes = case
    random = np.random.default_rng(0)
    pixels = random.random((images, 28, 28), np.float32) * (random.random((images, 28, 28)) < 0.2)
    split = Split(pixels.astype(np.float32), (np.arange(images) % 10).astype(np.uint8))
    settings = Train(**{**SETTINGS, "batch_size": batch_size, **changes})
    network = build(Model(hidden_units=units), 10, 0)
    batches.VALIDATION_BATCH = min(batch_size, 300)  # with a rest, and down to one image
    saved = Checkpoint("train", [], "", Path("history.csv"), settings.epochs)
    fit(network, split, split, settings, saved)
    saved.discard()
    archive.save(network)
    answers = predict.predict(predict.compiled(predict.load()), split.images)
    contents = [archive.PATH.read_bytes(), saved.history.read_bytes(), answers.tobytes()]
    return hashlib.sha256(b"".join(contents)).hexdigest()


def main() -> None:
    for number in map(int, sys.argv[1:] or range(len(CASES))):
        print("digest", number, digest(CASES[number]), flush=True)


if __name__ == "__main__":
    main()
