"""The parameters of reader/params.yaml, whose section `download` is a `common.params.Download`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from common.params import Fraction, HiddenUnits, Train

PATH = Path("reader/params.yaml")


class Reader(Train):
    """The parameters that train has too, and the reader's own."""

    hidden_units: HiddenUnits
    validation_fraction: Fraction
    non_digits: Annotated[float, Field(gt=0, le=1)]
    prints: Annotated[float, Field(ge=0, le=1)]
    max_confident_errors: Annotated[float, Field(gt=0, le=0.1)]
