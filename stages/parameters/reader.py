"""The parameters of reader: those of train, and what only it needs."""

from typing import Annotated

from pydantic import Field

from parameters.model import Model
from parameters.train import Train


class Reader(Train, Model):
    non_digits: Annotated[float, Field(gt=0, le=1)]
    prints: Annotated[float, Field(ge=0, le=1)]
    sure_and_wrong: Annotated[float, Field(gt=0, le=0.1)]
