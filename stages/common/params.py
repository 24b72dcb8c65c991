"""Read and check a section of params.yaml; stages/parameters/ defines the sections."""

import re
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from common.errors import PipelineError

PATH = Path("params.yaml")

S = TypeVar("S", bound="Section")
Fraction = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


PLAINLY = {  # by pydantic's name of a fault, where its own words are for programmers
    "extra_forbidden": "no such parameter; is it misspelt?",
    "missing": "missing",
    "list_type": "expected a list, found {found!r}",
    "model_type": "expected parameters with their names, found {found!r}",
    "too_long": "expected at most {max_length} values, found {actual_length}: {found!r}",
    "too_short": "expected at least {min_length} values, found {actual_length}: {found!r}",
}


class Section(BaseModel):
    """Types are strict, unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where `1e-3` is a string; this loader follows 1.2, as DVC does: a number."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read() -> dict:
    """Return all of params.yaml, unchecked. Raises PipelineError when it is missing or is not a mapping."""
    try:
        values = yaml.load(PATH.read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise PipelineError(f"{PATH} not found in {Path.cwd()}: run stages from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{PATH} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise PipelineError(f"{PATH}: expected sections, found {type(values).__name__}")
    return values


def load(section: type[S]) -> S:
    """Return the section of params.yaml that the class is named after.

    Raises PipelineError: one line with the key, what is allowed and what was found.
    """
    return validate(section, read())


def validate(section: type[S], values: dict) -> S:
    """Return the section out of `values`, what params.yaml holds; raises as `load` does."""
    name = section.__name__.lower()
    if name not in values:
        raise PipelineError(f"{PATH}: the section `{name}` is missing")
    try:
        return section.model_validate(values[name])
    except ValidationError as error:
        raise PipelineError("; ".join(explain(name, fault) for fault in error.errors())) from None


def explain(section: str, fault: ErrorDetails) -> str:
    """Return one of pydantic's errors as `train.epochs: expected ..., found '5'`."""
    key = ".".join([section, *map(str, fault["loc"])])
    if told := PLAINLY.get(fault["type"]):
        return f"{key}: {told}".format(found=fault["input"], **fault.get("ctx", {}))
    return f"{key}: {fault['msg'].replace('Input should be', 'expected')}, found {fault['input']!r}"
