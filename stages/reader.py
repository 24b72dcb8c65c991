"""Train a second network for pictures that people take: digits of other hands and pens, and ink that is no digit.

Reads  data/normalized/{train,validation}.
Writes models/reader.keras, reports/reader/history.csv like that of train, and metrics.json: the confidence from which
on the reader is `sure`, and how often it is, on validation digits and on ink that is no single digit.
"""

import common.interrupts  # noqa: F401

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from common import params
from common.errors import run
from common.files import save_json
from common.lock import exclusive
from common.params import Dataset, Reader
from contracts import archive, dataset, reader
from contracts.dataset import Split
from ink import non_digits
from ink.glyphs import prints
from network import predict
from network.build import build
from network.checkpoint import Checkpoint
from network.determinism import tf
from network.fit import fit

FOLDERS = [dataset.FOLDER / name for name in ("train", "validation")]
HISTORY = Path("reports/reader/history.csv")


def add_non_digits(split: Split, share: float, names: list[str], seed: int) -> tuple[Split, dict[str, np.ndarray]]:
    """Return the split with a share of as many images of no class after its own, and these by kind."""
    n, none = max(6, round(share * len(split.labels))), len(names)
    kinds = non_digits.draw(n, split.images, names, np.random.default_rng(seed))
    drawn = np.concatenate(list(kinds.values()))
    images = np.concatenate([split.images, drawn])
    return Split(images, np.concatenate([split.labels, np.full(len(drawn), none, np.uint8)])), kinds


def add_prints(split: Split, share: float, names: list[str], seed: int) -> Split:
    """Return the split with a share of as many printed characters of the classes after its own images."""
    images, labels = prints(round(share * len(split.labels)), names, np.random.default_rng(seed))
    return Split(np.concatenate([split.images, images]), np.concatenate([split.labels, labels]))


def answer(network: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest digit of each image, (n,) int64, and its confidence, (n,) float64, rounded to six digits."""
    digits = reader.average(predict.predict(network, reader.move(images)).astype(np.float64))[:, :-1]
    return digits.argmax(axis=1), digits.max(axis=1).round(6)


def calibrate(wrong: Mapping[str, np.ndarray], share: float) -> float:
    """Return the lowest confidence, in thousandths, that at most a share of the images of each kind reach wrongly.

    wrong: the confidence of each image where the answer is wrong, and 0 where it is right, (n,) for each kind.
    """
    steps = np.arange(500, 1000) / 1000
    passes = [all((values >= step).mean() <= share for values in wrong.values()) for step in steps]
    return float(steps[passes.index(True)]) if any(passes) else 1.0


def measure(found: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray, share: float) -> dict:
    """Return where to be sure and how often the reader is.

    found: digit and confidence of the images of each kind, `digits` among them, whose labels are given.
    """
    right = {
        kind: digit == labels if kind == "digits" else np.zeros(len(digit), bool) for kind, (digit, _) in found.items()
    }
    sure = calibrate({kind: confidence * ~right[kind] for kind, (_, confidence) in found.items()}, share)
    rates = {
        kind: {
            "images": len(confidence),
            "sure": float((confidence >= sure).mean()),
            "sure_and_wrong": float((~right[kind] & (confidence >= sure)).mean()),
        }
        for kind, (_, confidence) in found.items()
    }
    return {"accuracy": float(right["digits"].mean()), "sure_from": sure, "rates": rates}


@exclusive("stage")
def main() -> None:
    settings, names = params.load(Reader), params.load(Dataset).class_names
    digits, validation = map(dataset.load, FOLDERS)
    train, _ = add_non_digits(digits, settings.non_digits, names, seed=settings.seed)
    train = add_prints(train, settings.prints, names, seed=settings.seed + 2)
    watched, kinds = add_non_digits(validation, settings.non_digits, names, seed=settings.seed + 1)
    network = build(settings, len(names) + 1, settings.seed)
    saved = Checkpoint("reader", FOLDERS, f"{settings} {names}", HISTORY, settings.epochs)
    with saved.reported():
        fit(network, train, watched, settings, saved)
        compiled = predict.compiled(network)
        found = {kind: answer(compiled, images) for kind, images in ({"digits": validation.images} | kinds).items()}
        metrics = measure(found, validation.labels, settings.sure_and_wrong)

        archive.save(network, reader.PATH)
        save_json(reader.METRICS, metrics)
    saved.discard()
    print(f"reader: sure from {metrics['sure_from']:.1%} on, of {metrics['rates']['digits']['sure']:.1%} of the digits")


if __name__ == "__main__":
    run(main)
