"""Train the reader, a second network for photos and drawings, with a reject class; choose its confidence threshold.

Reads  reader/params.yaml and MNIST, identified by the SHA-256 there.
Writes reader/results: network.npz, the weights; history.csv, a row for each epoch; metrics.json: the confidence
threshold, chosen on validation images, and how often answers to validation and to test images reach it.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("", "stages")]
import common.interrupts  # noqa: F401

if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(("pandas", "sklearn")))  # type: ignore[arg-type]  # Keras would import them: 90 MB

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from common import params
from common.errors import run
from common.files import save_json
from common.lock import exclusive
from common.params import Download
from contracts import reader
from contracts.dataset import SHAPE, Split
from evaluation import intervals
from network import predict
from network.checkpoint import Checkpoint
from network.determinism import keras, tf
from network.fit import fit
from reader import mnist
from reader.ink import non_digits
from reader.ink.glyphs import FONTS, prints, to_float
from reader.parameters import PATH, Reader

HISTORY = reader.FOLDER / "history.csv"
REJECT = len(reader.NAMES)  # the label of an image that is not a single digit
LEVEL = 0.95  # of the accuracy's interval
Network = Callable[[tf.Tensor], tf.Tensor]  # as `predict.compiled` returns it
PART = predict.BATCH // len(reader.PLACES)  # images to answer at a time


class Answers(NamedTuple):
    """The network's answers to images of one kind."""

    confidence: np.ndarray  # (n,) float64: the probability of the likeliest digit, rounded to six decimal places
    right: np.ndarray  # (n,) bool


class Scaled:
    """Grey levels, (n, 28, 28) uint8, that are float32 in [0, 1] when indexed: a quarter of the memory."""

    def __init__(self, levels: np.ndarray):
        self.levels = levels

    def __getitem__(self, index: Any) -> np.ndarray:
        return to_float(self.levels[index])


def split_digits(arrays: Sequence[np.ndarray], validation_fraction: float) -> list[Split]:
    """Return the training, validation and test split, grey levels in uint8, of what `mnist.load` returns.

    The last training images as published are for validation.
    """
    images, labels, *test = arrays
    n = len(labels) - round(validation_fraction * len(labels))
    return [Split(images[:n].copy(), labels[:n]), Split(images[n:].copy(), labels[n:]), Split(*test)]


def add_ink(digits: Split, purpose: str, random: np.random.Generator, settings: Reader) -> dict[str, Split]:
    """Return digits, printed digits and non-digits by kind, grey levels in uint8; purpose: of the fonts."""
    n = len(digits.labels)
    ink = non_digits.draw(max(6, round(settings.non_digits * n)), digits.images, purpose, random)
    printed = Split(*prints(round(settings.prints * n), "".join(reader.NAMES), purpose, random))
    rejected = {kind: Split(each, np.full(len(each), REJECT, np.uint8)) for kind, each in ink.items()}
    return {"digits": digits, "prints": printed, **rejected}


def join(kinds: Mapping[str, Split]) -> Split:
    """Return all images, scaled as they are indexed, and their labels."""
    images, labels = zip(*kinds.values(), strict=True)
    return Split(cast(np.ndarray, Scaled(np.concatenate(images))), np.concatenate(labels))


def build(settings: Reader) -> keras.Model:
    """Return the network, (n, 28, 28) float32 in [0, 1] -> (n, 11) probabilities; the pipeline has one to edit."""
    keras.utils.set_random_seed(settings.seed)
    hidden = [keras.layers.Dense(n, "relu", name=f"hidden_{i}") for i, n in enumerate(settings.hidden_units, 1)]
    output = keras.layers.Dense(REJECT + 1, "softmax", name="probabilities")
    return keras.Sequential([keras.Input(SHAPE, name="image"), keras.layers.Flatten(name="flatten"), *hidden, output])


def answer(network: Network, split: Split) -> Answers:
    """Return the likeliest digit's confidence, and whether it is right, which no answer to a non-digit is."""
    parts = (reader.move(to_float(split.images[start : start + PART])) for start in range(0, len(split.labels), PART))
    rows = [reader.average(predict.predict(network, part).astype(np.float64)) for part in parts]
    digits = np.concatenate(rows)[:, :REJECT]
    return Answers(digits.max(axis=1).round(6), digits.argmax(axis=1) == split.labels)


def choose_threshold(kinds: Mapping[str, Answers], share: float) -> float:
    """Return the lowest confidence, in thousandths, that at most a share of each kind's answers reach and are wrong."""
    for threshold in np.arange(500, 1000) / 1000:
        if all((~right & (confidence >= threshold)).mean() <= share for confidence, right in kinds.values()):
            return float(threshold)
    return 1.0


def measure(kinds: Mapping[str, Answers], threshold: float) -> dict:
    """Return the accuracy on digits, with its interval, and the share of confident answers and errors by kind."""
    right = kinds["digits"].right
    low, high = intervals.wilson(int(right.sum()), len(right), LEVEL)
    rates = {
        kind: {
            "images": len(confidence),
            "confident": round(float((confidence >= threshold).mean()), 6),
            "confident_errors": round(float((~right & (confidence >= threshold)).mean()), 6),
        }
        for kind, (confidence, right) in kinds.items()
    }
    interval = {"low": round(low, 6), "high": round(high, 6)}
    return {"accuracy": round(float(right.mean()), 6), "accuracy_interval": interval, "rates": rates}


def round_weights(network: keras.Model) -> None:
    """Save the weights, and give the network what was saved: all that is measured is measured with rounded weights."""
    layers = [layer for layer in network.layers if layer.weights]
    reader.save_network(layer.get_weights() for layer in layers)
    for layer, weights in zip(layers, reader.load_network(), strict=True):
        layer.set_weights(weights)


@exclusive("stage")
def main() -> None:
    settings, data = params.load(Reader, PATH), params.load(Download, PATH)
    digits = split_digits(mnist.load(data), settings.validation_fraction)
    random = np.random.default_rng(settings.seed).spawn(len(digits))
    kinds = (add_ink(digits.pop(0), purpose, stream, settings) for purpose, stream in zip(FONTS, random, strict=True))
    train, validation = join(next(kinds)), next(kinds)
    network = build(settings)
    saved = Checkpoint("reader", [], f"{settings} {data.sha256}", HISTORY, settings.epochs)
    with saved.reported():
        fit(network, train, join(validation), settings, saved)
        round_weights(network)
        ask = partial(answer, predict.compiled(network))
        chosen, final = ({kind: ask(each) for kind, each in every.items()} for every in (validation, next(kinds)))
        threshold = choose_threshold(chosen, settings.max_confident_errors)
        metrics = {
            "confidence_threshold": threshold,
            "max_confident_errors": settings.max_confident_errors,
            "training": {"epochs": settings.epochs, "fonts": len(FONTS["train"])},
            "validation_accuracy": round(float(chosen["digits"].right.mean()), 6),
            **measure(final, threshold),
        }

        save_json(reader.METRICS, metrics)
    saved.discard()
    print(f"reader: accuracy {final['digits'].right.mean():.2%}, confident above {threshold:.1%}; {reader.PATH}")


if __name__ == "__main__":
    run(main)
