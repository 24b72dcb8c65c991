"""The parameters of train."""

from typing import Annotated, Literal

from pydantic import Field

from common.params import Section, Seed


class Train(Section):
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Literal["constant", "cosine"]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    augmentation: Literal["none", "shift", "elastic", "written"]
    augmentation_strength: Annotated[list[Annotated[float, Field(ge=0, le=2)]], Field(min_length=2, max_length=2)]
    seed: Seed
