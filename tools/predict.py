"""Read the digits of your own pictures with the reader, the network that is trained for them.

Usage: python tools/predict.py IMAGE... [--json | --csv] [--show FILE.png]

IMAGE is a file that Pillow reads, a folder of them, a pattern such as '*.jpg', or - for standard input.
Reads  models/reader.keras, reports/reader/metrics.json and params.yaml.
Writes nothing, but with --show a picture of what the network saw. Exit status 1 if an image could not be read.
"""

import running.stages_on_path  # noqa: F401

import argparse
import contextlib
import csv
import functools
import glob
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from common import params
from common.errors import PipelineError, run
from common.params import About
from packing.pack import as_photo, is_light
from reader.reading import network
from reader.reading.digits import Box, Found, find_digits
from reader.reading.image import HEIC, read_image
from reader.reading.network import Answer

PROJECT = Path(__file__).resolve().parents[1]
MAX_BYTES = 200_000_000  # of one file
MAX_DIGITS = 200  # in one picture: more is a texture


class Picture(NamedTuple):
    name: str
    grey: np.ndarray | None  # (h, w) float32 from 0 to 255
    digits: list[Found]
    error: str | None


def list_files(name: str) -> tuple[list[str], int]:
    """Return the files that an argument stands for, itself if there is none, and how many of a folder are no images."""
    if os.path.isdir(name):
        files = sorted(str(path) for path in Path(name).rglob("*") if path.is_file())
        known = Image.registered_extensions().keys() | HEIC
        images = [file for file in files if Path(file).suffix.lower() in known]
        return images, len(files) - len(images)
    if name == "-" or os.path.lexists(name):
        return [name], 0
    return sorted(glob.glob(name, recursive=True)) or [name], 0


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


def take_whole(grey: np.ndarray, background: str) -> list[Found]:
    """Return a picture, (h, w) from 0 to 255, as `pack_images --as photos` packs it: one, or none if it is blank."""
    try:
        packed = as_photo(grey)
    except PipelineError:
        return []
    light = is_light(packed[None]) if background == "either" else background == "light"
    image = (255 - packed if light else packed) / np.float32(255)
    return [Found(image, Box(0, grey.shape[0], 0, grey.shape[1], ()), True)]


def load_finder() -> Callable[[np.ndarray], list[Found]]:
    """Return how pictures are to be taken: apart, into strokes, or whole, as `about.form` says of the data."""
    with contextlib.chdir(PROJECT):
        about = params.load(About)
    return find_digits if about.form == "strokes" else functools.partial(take_whole, background=about.background)


def read_pictures(arguments: list[str], find: Callable[[np.ndarray], list[Found]]) -> Iterator[Picture]:
    """Yield what each argument stands for, with what `find` finds in it or the reason why there is nothing."""
    for argument in arguments:
        files, skipped = list_files(argument)
        if skipped:
            print(f"predict: {argument}: skipped {skipped} of {skipped + len(files)} files, no images", file=sys.stderr)
        if not files:
            yield Picture(argument, None, [], "no image in this folder")
        for name in files:
            try:
                grey = read_image(read_content(name))
                digits = find(grey)
                yield Picture(name, grey, digits if len(digits) <= MAX_DIGITS else [], None)
            except PipelineError as error:
                yield Picture(name, None, [], str(error))
            except OSError as error:
                yield Picture(name, None, [], error.strerror or str(error))


def answer(pictures: list[Picture]) -> list[list[Answer]]:
    """Return an answer for each digit of each picture. Raises PipelineError when the reader has not been trained."""
    found = [digit for picture in pictures for digit in picture.digits]
    if not found:
        return [[] for _ in pictures]
    reader = network.load(PROJECT)
    probabilities = network.predict(reader, np.stack([digit.image for digit in found]))
    answers = (network.answer(row, reader, digit.single) for row, digit in zip(probabilities, found, strict=True))
    return [[next(answers) for _ in picture.digits] for picture in pictures]


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

    pictures = list(read_pictures(arguments.images, load_finder()))
    answers = answer(pictures)

    for picture in pictures:
        if picture.error:
            print(f"predict: {picture.name}: {picture.error}", file=sys.stderr)
    print_answers(pictures, answers, arguments.form)
    if arguments.show:
        from reader.reading.show import save_pictures

        save_pictures(pictures, answers, arguments.show, PROJECT)
    sys.exit(any(picture.error for picture in pictures))


if __name__ == "__main__":
    run(main)
