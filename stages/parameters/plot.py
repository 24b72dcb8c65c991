"""The parameters of plot."""

from typing import Annotated

from pydantic import Field

from common.params import Section


class Plot(Section):
    mistakes: Annotated[int, Field(ge=1, le=100)]
