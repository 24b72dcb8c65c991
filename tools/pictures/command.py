"""Answer pictures one by one, as text, CSV or JSON, and print each answer as soon as it is known."""

import argparse
import csv
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import PipelineError
from pictures import sheet
from pictures.files import list_pictures, warn
from pictures.image import read_pages

ROWS = 30  # pictures that --show draws


class Reading(NamedTuple):
    """The result for one picture."""

    text: str
    answers: list[dict]  # rows of the CSV, entries of the JSON
    whole: dict  # facts about the picture: in each row of the CSV, and once in the JSON
    seen: list[np.ndarray]  # the network's inputs, (28, 28) float32 in [0, 1]
    captions: list[tuple[str, str, bool]]  # of these: the answer, its confidence, whether it is sure


def read_arguments(description: str) -> argparse.Namespace:
    """Parse the options that predict.py and read.py share."""
    parser = argparse.ArgumentParser(description=description)
    what = "a file, a folder, a pattern such as '*.jpg', or - for standard input"
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help=what)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="print JSON")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="print CSV, one row per answer")
    parser.add_argument("--show", metavar="FILE.png", type=Path, help="draw the network's input beside each picture")
    return parser.parse_args()


def pages(name: str) -> Iterator[tuple[str, np.ndarray | PipelineError]]:
    """Yield the name of each page of a file with its grey levels, (h, w) float32 from 0 to 255, or its error."""
    try:
        for number, grey in enumerate(read_pages(io.BytesIO(sys.stdin.buffer.read()) if name == "-" else name), 1):
            yield name if number == 1 else f"{name}[{number}]", grey
    except PipelineError as error:
        yield name, error


def answer(
    arguments: argparse.Namespace, read: Callable[[np.ndarray], Reading], columns: Sequence[str], project: Path
) -> bool:
    """Print the result for every picture, and draw the first ROWS of them for --show; return whether all were read.

    read: may raise PipelineError for one picture; columns: the keys of its answers and of `whole`, for the CSV.
    """
    shown: list[sheet.Row] = []
    lists = {argument: list_pictures(argument) for argument in arguments.pictures}
    for argument in [argument for argument, names in lists.items() if not names]:
        warn(f"{argument}: no picture in this folder")
    complete, separator = all(lists.values()), "["
    table = csv.DictWriter(sys.stdout, ["image", *columns], lineterminator="\n")
    if arguments.form == "csv":
        table.writeheader()
    try:
        for name, grey in itertools.chain.from_iterable(map(pages, itertools.chain(*lists.values()))):
            reading, error = Reading("", [], {}, [], []), None
            try:
                if isinstance(grey, PipelineError):
                    raise grey
                reading = read(grey)
                if arguments.show and len(shown) < ROWS:
                    shown.append(sheet.Row(Path(name).name, sheet.thumbnail(grey), reading.seen, reading.captions))
            except PipelineError as problem:
                complete, error = False, str(problem)
                warn(f"{name}: {error}")
            if arguments.form == "json":  # after each picture the output lacks at most the closing `]`
                entry = {"image": name, "digits": reading.answers, **reading.whole, "error": error}
                print(separator, json.dumps(entry, allow_nan=False), sep="\n", end="")
                separator = ","
            elif not error and arguments.form == "csv":
                table.writerows({"image": name, **answer, **reading.whole} for answer in reading.answers or [{}])
            elif not error:
                print(f"{name}: {reading.text}")
            sys.stdout.flush()
    finally:
        if arguments.form == "json":
            print("[\n]" if separator == "[" else "\n]")
    if arguments.show:
        sheet.save(shown, arguments.show, project)
    return complete
