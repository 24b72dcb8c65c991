"""Read the digits of your own pictures with the trained network.

Usage: python tools/predict.py IMAGE... [--json | --csv] [--show FILE.png]

IMAGE is a file that Pillow reads, a folder of them, a pattern such as '*.jpg', or - for standard input.
Reads  models/model.keras and params.yaml.
Writes nothing, but with --show a picture of what the network saw. Exit status 1 if an image could not be read.
"""

import running.stages_on_path  # noqa: F401

import argparse
import contextlib
import csv
import glob
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from common import params
from common.errors import PipelineError, run
from reading.digits import Box, find_digits
from reading.image import read_image

PROJECT = Path(__file__).resolve().parents[1]
MAX_BYTES = 200_000_000  # of one file
MAX_DIGITS = 200  # in one picture: more is a texture
# A network is sure of anything: of half of the letters and scribbles tried, with 0.95 and more. Moved by a pixel, a
# digit stays what it is, and what is none often does not: so the confidence is the mean over five places.
MOVES = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]  # rows, columns
SURE = 0.9  # of that mean: 92 of 100 test digits are above, and 2 to 3 of 10 letters, scribbles or shapes


class Picture(NamedTuple):
    name: str
    grey: np.ndarray | None  # (h, w) float32 from 0 to 255
    digits: list[tuple[np.ndarray, Box]]  # what the network sees, (28, 28) float32 in [0, 1], and where it is
    error: str | None


class Answer(NamedTuple):
    digit: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    sure: bool


def list_files(name: str) -> list[str]:
    """Return the files that an argument stands for; the argument itself if there is none."""
    if os.path.isdir(name):
        known = Image.registered_extensions()
        return sorted(str(path) for path in Path(name).rglob("*") if path.suffix.lower() in known and path.is_file())
    if name == "-" or os.path.lexists(name):
        return [name]
    return sorted(glob.glob(name, recursive=True)) or [name]


def read_content(name: str) -> bytes:
    """Return the bytes of a file, or of standard input for `-`. Raises PipelineError or OSError."""
    if name == "-":
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    elif os.path.exists(name) and not os.path.isfile(name):
        raise PipelineError("neither a file nor a folder")
    else:
        with open(name, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PipelineError(f"expected at most {MAX_BYTES:,} bytes, found more")
    return content


def read_pictures(arguments: list[str]) -> Iterator[Picture]:
    """Yield what each argument stands for, with its digits or the reason why it has none."""
    for argument in arguments:
        files = list_files(argument)
        if not files:
            yield Picture(argument, None, [], "no image in this folder")
        for name in files:
            try:
                grey = read_image(read_content(name))
                digits = find_digits(grey)
                yield Picture(name, grey, digits if len(digits) <= MAX_DIGITS else [], None)
            except PipelineError as error:
                yield Picture(name, None, [], str(error))
            except OSError as error:
                yield Picture(name, None, [], error.strerror or str(error))


def move(images: np.ndarray) -> np.ndarray:
    """Return the images (n, 28, 28) at the five places of MOVES, black where they come from: (5 n, 28, 28)."""
    height, width = images.shape[1:]
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    return np.concatenate([padded[:, 1 - y : 1 - y + height, 1 - x : 1 - x + width] for y, x in MOVES])


def predict(images: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the digits, and their probabilities (n, classes), the mean over the places of MOVES.

    images: (n, 28, 28) float32 in [0, 1]. Raises PipelineError when the network is missing.
    """
    from common import model  # TensorFlow, which takes seconds, only when there is something to predict
    from parameters.dataset import Dataset

    with contextlib.chdir(PROJECT):
        names, network = params.load(Dataset).class_names, model.load()
    probabilities = network(move(images)).numpy()
    return names, probabilities.reshape(len(MOVES), len(images), -1).mean(axis=0)


def answer(probabilities: np.ndarray, names: list[str]) -> Answer:
    """Return the two most probable digits of (classes,) probabilities."""
    second, first = np.argsort(probabilities, kind="stable")[-2:].tolist()
    confidence, rest = (round(float(probabilities[digit]), 6) for digit in (first, second))
    return Answer(names[first], confidence, names[second], rest, confidence >= SURE)


def as_text(picture: Picture, answers: list[Answer]) -> str:
    """Return one line for a picture, and one more for each digit if there are several."""
    if not answers:
        return f"{picture.name}: no digit found"
    lines = [
        f"{a.digit if a.sure else f'not sure, perhaps {a.digit}'} ({100 * a.confidence:.1f} %; "
        f"then {a.runner_up}, {100 * a.runner_up_confidence:.1f} %)"
        for a in answers
    ]
    if len(lines) == 1:
        return f"{picture.name}: {lines[0]}"
    reading = "".join(a.digit if a.sure else "?" for a in answers)
    return "\n".join([f"{picture.name}: {reading}", *(f"  {i}: {line}" for i, line in enumerate(lines, 1))])


def print_answers(pictures: list[Picture], answers: list[list[Answer]], form: str) -> None:
    """Print what was read as `text`, `json` or `csv`."""
    pairs = list(zip(pictures, answers, strict=True))
    if form == "json":
        entries = [
            {"image": picture.name, "digits": [a._asdict() for a in found], "error": picture.error}
            for picture, found in pairs
        ]
        print(json.dumps(entries, indent=2, allow_nan=False))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["image", "position", *Answer._fields])
        writer.writerows([picture.name, i, *a] for picture, found in pairs for i, a in enumerate(found, 1))
    else:
        for picture, found in pairs:
            if not picture.error:
                print(as_text(picture, found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="a file, a folder, a pattern or - for standard input"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="print JSON")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="print CSV, a row for each digit")
    parser.add_argument("--show", metavar="FILE.png", type=Path, help="draw what the network saw beside each image")
    arguments = parser.parse_args()

    pictures = list(read_pictures(arguments.images))
    images = [image for picture in pictures for image, _ in picture.digits]
    names, found = predict(np.stack(images)) if images else ([], np.empty((0, 0)))
    rows = iter(found)
    answers = [[answer(next(rows), names) for _ in picture.digits] for picture in pictures]

    for picture in pictures:
        if picture.error:
            print(f"predict: {picture.name}: {picture.error}", file=sys.stderr)
    print_answers(pictures, answers, arguments.form)
    if arguments.show:
        from reading.show import save_pictures  # Matplotlib, which only this needs

        save_pictures(pictures, answers, arguments.show)
    sys.exit(any(picture.error for picture in pictures))


if __name__ == "__main__":
    run(main)
