"""The parameters of the data set, which every stage reads."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from common.params import Section

MOST_CLASSES = 256  # a label is one byte


def distinguishable(names: list[str]) -> list[str]:
    """Return the names. Raises an error of pydantic when two look alike or one cannot be seen."""
    for label, name in enumerate(names):
        if not name.strip() or not name.isprintable():
            raise PydanticCustomError("blank", "name {label} should be visible text", {"label": label})
        first = [other.strip() for other in names].index(name.strip())
        if first != label:
            raise PydanticCustomError(
                "equal", "names should differ, but {first} and {label} are equal", {"first": first, "label": label}
            )
    return names


class Dataset(Section):
    class_names: Annotated[list[str], Field(min_length=2, max_length=MOST_CLASSES), AfterValidator(distinguishable)]
