"""Recognise your own pictures with the network of this project, models/model.keras.

PICTURE is a file that Pillow reads, a folder of them, a pattern such as '*.jpg', or - for standard input. Each shows
one digit (or one thing of your own classes); `reader/read.py` reads several digits on paper.
Reads  models/model.keras, reports/evaluate/validation_predictions.csv and params.yaml.
Writes nothing but the sheet of --show. Exit status 1 if a picture could not be read.
"""

from running.project import PROJECT

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from common import params
from common.errors import PipelineError, run
from contracts import archive, tables
from packing.pack import converter
from pictures import command
from pictures.dense import probabilities

CONFIDENT_ERRORS = 0.005  # the largest share of the validation images that may be sure and wrong
COLUMNS = ["digit", "confidence", "runner_up", "runner_up_confidence", "sure"]

Network = Callable[[np.ndarray], np.ndarray]


def load_network(path: Path = archive.PATH) -> Network:
    """Return the function from images, (n, 28, 28) float32 in [0, 1], to probabilities, (n, classes).

    Dense layers are computed with NumPy; only other networks wait for Keras, whose import takes seconds.
    """
    config = archive.load_config(path)
    kinds = {layer["class_name"] for layer in config["config"]["layers"]}
    if kinds <= {"InputLayer", "Flatten", "Dropout", "Dense"} and not archive.uncovered(config):
        arrays = list(archive.load_weights(path).values())
        return lambda images: probabilities(list(zip(arrays[::2], arrays[1::2], strict=True)), images)
    from network import predict

    network = predict.load(path)
    return lambda images: np.asarray(network(images, training=False), np.float64)


def find_threshold(predictions: pd.DataFrame) -> float:
    """Return the lowest confidence, in thousandths, above which at most CONFIDENT_ERRORS of all images are wrong."""
    allowed = int(CONFIDENT_ERRORS * len(predictions))
    mistakes = tables.most_confident_mistakes(predictions, allowed + 1)
    return (int(1000 * mistakes["confidence"].iloc[allowed]) + 1) / 1000 if len(mistakes) > allowed else 0.0


def answer(row: np.ndarray, names: list[str], threshold: float) -> dict:
    """Return the two likeliest classes of the probabilities, (classes,)."""
    second, first = np.argsort(row, kind="stable")[-2:].tolist()
    return {
        "digit": names[first],
        "confidence": round(float(row[first]), 6),
        "runner_up": names[second],
        "runner_up_confidence": round(float(row[second]), 6),
        "sure": bool(row[first] >= threshold),
    }


def main() -> None:
    arguments = command.read_arguments((__doc__ or "").partition("\n")[0])
    with contextlib.chdir(PROJECT):
        about, names, network = params.load(params.About), params.load(params.Dataset).class_names, load_network()
        threshold = find_threshold(tables.load(tables.VALIDATION_PREDICTIONS))
    convert = converter(about.form, about.background)  # as `pack_images` prepared the training images

    def read(grey: np.ndarray) -> command.Reading:
        try:
            image = convert(grey) / np.float32(255)
        except PipelineError as error:  # a blank picture
            return command.Reading(str(error), [], {}, [], [])
        found = answer(network(image[None])[0], names, threshold)
        digit, share, sure = found["digit"], 100 * found["confidence"], found["sure"]
        second = f"then {found['runner_up']}, {100 * found['runner_up_confidence']:.1f} %"
        text = f"{'' if sure else 'not sure, perhaps '}{digit} ({share:.1f} %; {second})"
        return command.Reading(text, [found], {}, [image], [(digit, f"{share:.0f} %", sure)])

    sys.exit(not command.answer(arguments, read, COLUMNS, PROJECT))


if __name__ == "__main__":
    run(main)
