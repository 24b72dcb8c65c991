"""The reader's answers to images of single digits."""

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from contracts import reader
from pictures.dense import probabilities


class Answer(NamedTuple):
    digit: str  # the likeliest
    confidence: float
    runner_up: str
    runner_up_confidence: float
    no_digit: float  # the probability that it is not a single digit
    sure: bool


class Network(NamedTuple):
    names: list[str]
    layers: list[tuple[np.ndarray, np.ndarray]]  # kernel (inputs, outputs) and bias (outputs,) of each layer, float32
    sure_from: float  # the confidence


def load(project: Path) -> Network:
    """Return the reader of a project. Raises PipelineError when a file of it is missing or damaged."""
    with contextlib.chdir(project):
        return Network(reader.NAMES, reader.load_network(), reader.load_metrics()["confidence_threshold"])


def predict(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes + 1), the mean over five places; the last is that of no single digit.

    images: (n, 28, 28) float32 in [0, 1].
    """
    return reader.average(probabilities(network.layers, reader.move(images)))


def answer(row: np.ndarray, network: Network, single: bool) -> Answer:
    """Return the two likeliest digits of (classes + 1,) probabilities; sure only where the shape is of one digit."""
    second, first = np.argsort(row[:-1], kind="stable")[-2:].tolist()
    confidence, rest, no_digit = (round(float(value), 6) for value in row[[first, second, -1]])
    sure = bool(single) and confidence >= network.sure_from
    return Answer(network.names[first], confidence, network.names[second], rest, no_digit, sure)
