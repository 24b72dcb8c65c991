"""A command that answers pictures one by one, as text, CSV or JSON; each answer is printed as soon as it is known."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from common.errors import PipelineError
from pictures import files, sheet
from pictures.image import read_pages

ROWS = 30  # pictures that --show draws


class Reading(NamedTuple):
    """The result for one picture."""

    text: str
    answers: list[dict]  # rows of the CSV, entries of the JSON; the keys are the same for every picture
    whole: dict  # facts about the picture: in each row of the CSV, and once in the JSON
    seen: list[np.ndarray]  # the network's inputs, (28, 28) float32 in [0, 1]
    captions: list[tuple[str, str, bool]]  # of these: the answer, its confidence, whether it is sure


def read_arguments(description: str) -> argparse.Namespace:
    """Parse the command line that the commands share."""
    parser = argparse.ArgumentParser(description=description)
    what = "a file, a folder, a pattern such as '*.jpg', or - for standard input"
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help=what)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="print JSON")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="print CSV, one row per answer")
    parser.add_argument("--show", metavar="FILE.png", type=Path, help="draw the network's input beside each picture")
    return parser.parse_args()


def pages(name: str) -> Iterator[tuple[str, np.ndarray | PipelineError]]:
    """Yield the name and the grey levels, (h, w) float32 from 0 to 255, of each page of a file; or its error."""
    try:
        for number, grey in enumerate(read_pages(files.read_content(name)), 1):
            yield name if number == 1 else f"{name}[{number}]", grey
    except PipelineError as error:
        yield name, error


def answer(arguments: argparse.Namespace, read: Callable[[np.ndarray], Reading], blank: Reading, project: Path) -> bool:
    """Print the result for every picture, and draw the first ROWS of them for --show; return whether all were read.

    read: may raise PipelineError for one picture; blank: has the keys of the CSV. Nothing is kept of printed pictures.
    """
    shown: list[sheet.Row] = []
    report, complete = Report(arguments.form, blank), True
    lists = [(argument, *files.list_pictures(argument)) for argument in arguments.pictures]
    for argument, found, others in lists:
        if others:
            warn(f"{argument}: skipped {others} of {others + len(found)} files: not pictures")
        if not found:
            warn(f"{argument}: no picture in this folder")
            complete = False
    names = [name for _, found, _ in lists for name in found]
    try:
        for name, grey in chain.from_iterable(map(pages, tqdm(names, unit="picture", leave=False, disable=None))):
            try:
                if isinstance(grey, PipelineError):
                    raise grey
                reading = read(grey)
            except PipelineError as error:
                complete = False
                warn(f"{name}: {error}")
                report.add(name, None, str(error))
                continue
            report.add(name, reading, None)
            if arguments.show and len(shown) < ROWS:
                shown.append(sheet.Row(Path(name).name, sheet.thumbnail(grey), reading.seen, reading.captions))
    finally:
        report.close()
    if arguments.show:
        sheet.save(shown, arguments.show, project)
    return complete


def warn(message: str) -> None:
    """Print one line on standard error, above the progress bar."""
    tqdm.write(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr)


class Report:
    """The results on standard output: `text`, `csv` or `json`, complete after every picture but for JSON's last `]`."""

    def __init__(self, form: str | None, blank: Reading):
        self.form, self.columns, self.number = form, [*blank.answers[0], *blank.whole], 0
        if form == "csv":
            self.write_rows([["image", *self.columns]])

    def add(self, name: str, reading: Reading | None, error: str | None) -> None:
        if self.form == "json":
            answers, whole = (reading.answers, reading.whole) if reading else ([], {})
            entry = {"image": name, "digits": answers, **whole, "error": error}
            self.write(("[" if not self.number else ",") + "\n" + json.dumps(entry, allow_nan=False))
            self.number += 1
        elif reading and self.form == "csv":
            rows = [{**answer, **reading.whole} for answer in reading.answers or [{}]]
            self.write_rows([[name, *(row.get(column) for column in self.columns)] for row in rows])
        elif reading:
            self.write(f"{name}: {reading.text}\n")

    def close(self) -> None:
        if self.form == "json":
            self.write("\n]\n" if self.number else "[]\n")

    def write_rows(self, rows: list[list]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.write(text.getvalue())

    def write(self, text: str) -> None:
        tqdm.write(text, end="")
        sys.stdout.flush()
