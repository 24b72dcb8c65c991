"""The parameters of the network."""

from typing import Annotated

from pydantic import Field

from common.params import Section


class Model(Section):
    hidden_units: Annotated[list[Annotated[int, Field(ge=1, le=16384)]], Field(min_length=2, max_length=2)]
