"""The parameters of the data set, which every stage reads."""

from typing import Annotated

from pydantic import Field

from common.params import Section


class Dataset(Section):
    class_names: Annotated[list[str], Field(min_length=2, max_length=256)]
