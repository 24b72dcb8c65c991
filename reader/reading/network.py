"""What the reader says of images, in NumPy: three matrix products need no TensorFlow, which takes seconds to import."""

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import params
from common.errors import PipelineError
from common.files import load_json
from common.params import Dataset
from contracts import reader, weights


class Answer(NamedTuple):
    digit: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    sure: bool


class Network(NamedTuple):
    names: list[str]
    layers: list[np.ndarray]  # kernel (inputs, outputs) and bias (outputs,) of each layer in turn, float32
    sure_from: float  # the confidence


def load(project: Path) -> Network:
    """Return the reader of a project. Raises PipelineError when it has not been trained, or for other classes."""
    with contextlib.chdir(project):
        names = params.load(Dataset).class_names
        layers = list(weights.load(reader.PATH, "reader").values())
        sure_from = load_json(reader.METRICS, "reader")["sure_from"]
    if len(layers[-1]) != len(names) + 1:
        raise PipelineError(
            f"{reader.PATH}: expected {len(names)} classes and none, found {len(layers[-1])} outputs; run `dvc repro`"
        )
    return Network(names, layers, sure_from)


def predict(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes + 1), the mean over five places; the last is that of no single digit.

    images: (n, 28, 28) float32 in [0, 1].
    """
    moved = reader.move(images)
    values = moved.reshape(len(moved), -1)
    for kernel, bias in zip(network.layers[:-2:2], network.layers[1:-2:2], strict=True):
        values = np.maximum(values @ kernel + bias, 0)
    kernel, bias = network.layers[-2:]
    logits = (values @ kernel + bias).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return reader.average(powers / powers.sum(axis=1, keepdims=True))


def answer(probabilities: np.ndarray, network: Network, single: bool) -> Answer:
    """Return the two likeliest digits of (classes + 1,) probabilities; sure only where the shape is of one digit."""
    second, first = np.argsort(probabilities[:-1], kind="stable")[-2:].tolist()
    confidence, rest = (round(float(probabilities[digit]), 6) for digit in (first, second))
    sure = single and confidence >= network.sure_from
    return Answer(network.names[first], confidence, network.names[second], rest, sure)
