"""The tables that `evaluate` writes: one class per CSV file; its fields are the columns."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar, get_type_hints

from common.errors import PipelineError
from common.files import atomic_write, require, rerun_hint

Row = TypeVar("Row", bound=NamedTuple)


class Prediction(NamedTuple):
    """The answer for one image; `actual` and `predicted` are labels."""

    index: int  # type: ignore[assignment]  # in the order of the split; it hides the method of that name
    actual: int
    predicted: int
    confidence: float  # the highest probability
    loss: float  # negative log-likelihood of the actual label, nats


class Digit(NamedTuple):
    """Scores of one digit; `digit` is its name in params.yaml. None where the digit has no images."""

    digit: str
    images: int
    precision: float | None  # of the images predicted as this digit, the correct share
    recall: float | None  # of the images of this digit, the correct share
    f1: float | None  # the harmonic mean of the two


class Bin(NamedTuple):
    """The images whose confidence lies in (low, high]; there is no row for a bin without images."""

    low: float
    high: float
    images: int
    confidence: float  # mean
    accuracy: float


class Ambiguous(NamedTuple):
    """An image with two nearly equal answers; the first fields are those of `Prediction`."""

    index: int  # type: ignore[assignment]
    actual: int
    predicted: int
    confidence: float
    runner_up: int
    runner_up_confidence: float


class Robustness(NamedTuple):
    """Results on changed images; evaluation/robustness.py describes changes and amounts."""

    change: str
    amount: int
    images: int
    accuracy: float | None  # None (an empty field) for images without a digit
    confidence: float  # mean


def save(path: Path, rows: Sequence[NamedTuple]) -> None:
    """Write at least one row of one class, with the names of the fields as header.

    Rounded to six decimals: the last bits depend on the order of sums and on the C library.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0]._fields)
        writer.writerows([f"{value:.6f}" if isinstance(value, float) else value for value in row] for row in rows)


def load(path: Path, kind: type[Row]) -> list[Row]:
    """Return the rows of class `kind` that `save` wrote. Raises PipelineError if it is missing or another."""
    parse: dict[object, Callable[[str], object]] = {
        int: int,
        float: float,
        str: str,
        float | None: lambda text: float(text) if text else None,
    }
    columns = get_type_hints(kind)
    try:
        with require(path, "evaluate").open(encoding="utf-8", newline="") as file:
            header, *lines = [*csv.reader(file)] or [[]]
        if header != list(columns):
            raise ValueError(f"expected columns {list(columns)}, found {header}")
        return [kind._make(parse[t](text) for t, text in zip(columns.values(), line, strict=True)) for line in lines]
    except (ValueError, csv.Error) as error:
        raise PipelineError(f"{path}: {error}; {rerun_hint('evaluate')}") from None


def most_confident_mistakes(predictions: Iterable[Prediction], number: int) -> list[Prediction]:
    """Return the wrong predictions, most confident first; ties in the order of the images."""
    wrong = (row for row in predictions if row.actual != row.predicted)
    return sorted(wrong, key=lambda row: -row.confidence)[:number]
