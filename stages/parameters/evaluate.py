"""The parameters of evaluate."""

from typing import Annotated

from pydantic import Field

from common.params import Fraction, Section


class Evaluate(Section):
    confidence_level: Fraction
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    ambiguous: Annotated[int, Field(ge=1, le=100)]
