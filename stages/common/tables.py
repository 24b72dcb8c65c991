"""The contract of the tables that `evaluate` writes: a class for each CSV file, its fields are the columns."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar, get_type_hints

from common.errors import PipelineError
from common.files import again, atomic_write, require

Row = TypeVar("Row", bound=NamedTuple)


class Prediction(NamedTuple):
    """The answer for one image; `actual` and `predicted` are labels."""

    index: int  # type: ignore[assignment]  # in the order of the split; it hides the method of that name
    actual: int
    predicted: int
    confidence: float  # the highest probability
    loss: float  # negative log-likelihood of the actual label, nats
    brier: float  # squared differences from the actual label, summed over all labels


class Digit(NamedTuple):
    """How well one digit is recognised; `digit` is its name in params.yaml. Without images, nothing is measured."""

    digit: str
    images: int
    precision: float | None  # of the images predicted as this digit, the share that is
    recall: float | None  # of the images of this digit, the share predicted as such
    f1: float | None  # the harmonic mean of the two


class Bin(NamedTuple):
    """The images whose confidence lies in (low, high]; there is no row for a bin without images."""

    low: float
    high: float
    images: int
    confidence: float  # mean
    accuracy: float


class Ambiguous(NamedTuple):
    """An image with two answers nearly as likely; the first three are as in `Prediction`."""

    index: int  # type: ignore[assignment]
    actual: int
    predicted: int
    confidence: float
    runner_up: int
    runner_up_confidence: float


class Robustness(NamedTuple):
    """What the network makes of changed images; common/robustness.py says what the changes and amounts are."""

    change: str
    amount: int
    images: int
    accuracy: float | None  # None, an empty field, where the images show no digit
    confidence: float  # mean


def save(path: Path, rows: Sequence[NamedTuple]) -> None:
    """Write the rows of one class, at least one, with the names of its fields above them.

    Six decimals: the last bits of a sum depend on its order, and those of an exponential on the C library.
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
        raise PipelineError(f"{path}: {error}; {again('evaluate')}") from None


def most_confident_mistakes(predictions: Iterable[Prediction], number: int) -> list[Prediction]:
    """Return the wrong predictions, the most confident first; equal ones in the order of the images."""
    wrong = (row for row in predictions if row.actual != row.predicted)
    return sorted(wrong, key=lambda row: -row.confidence)[:number]
