"""The parameters of eda."""

from typing import Annotated

from pydantic import Field

from common.params import Section


class Eda(Section):
    samples_per_digit: Annotated[int, Field(ge=1, le=20)]
