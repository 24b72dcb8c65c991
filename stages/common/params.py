"""The contract of params.yaml: what each section holds, checked before any work is done."""

import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from common.errors import PipelineError

PATH = Path("params.yaml")


S = TypeVar("S", bound="Section")
Fraction = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Section(BaseModel):
    """Types are taken as they are written, unknown keys are errors, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Dataset(Section):
    class_names: Annotated[list[str], Field(min_length=2, max_length=256)]


class Digests(Section):
    """SHA-256 of each decompressed IDX file, by its published name."""

    train_images: Sha256 = Field(alias="train-images-idx3-ubyte")
    train_labels: Sha256 = Field(alias="train-labels-idx1-ubyte")
    test_images: Sha256 = Field(alias="t10k-images-idx3-ubyte")
    test_labels: Sha256 = Field(alias="t10k-labels-idx1-ubyte")


class Download(Section):
    sources: Annotated[list[str], Field(min_length=1)]
    sha256: Digests


class Normalize(Section):
    validation_fraction: Fraction
    seed: Seed


class Eda(Section):
    samples_per_digit: Annotated[int, Field(ge=1, le=20)]


class Model(Section):
    hidden_units: Annotated[list[Annotated[int, Field(ge=1, le=16384)]], Field(min_length=2, max_length=2)]


class Train(Section):
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Literal["constant", "cosine"]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    augmentation: Literal["none", "shift", "elastic"]
    augmentation_strength: Annotated[list[Annotated[float, Field(ge=0, le=2)]], Field(min_length=2, max_length=2)]
    seed: Seed


class Evaluate(Section):
    confidence_level: Fraction
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    ambiguous: Annotated[int, Field(ge=1, le=100)]


class Plot(Section):
    mistakes: Annotated[int, Field(ge=1, le=100)]


class Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where `1e-3` is a string; DVC follows 1.2, where it is a number. So do we."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def load(section: type[S]) -> S:
    """Return the section of params.yaml that the class is named after.

    Raises PipelineError, one line with the key, what is allowed and what was found.
    """
    name = section.__name__.lower()
    try:
        values = yaml.load(PATH.read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise PipelineError(f"{PATH} not found in {Path.cwd()}: run stages from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{PATH} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or name not in values:
        raise PipelineError(f"{PATH}: the section `{name}` is missing")
    try:
        return section.model_validate(values[name])
    except ValidationError as error:
        raise PipelineError("; ".join(explain(name, fault) for fault in error.errors())) from None


def explain(section: str, fault: dict) -> str:
    """One fault that pydantic found, as `train.epochs: Input should be ..., found '5'`."""
    key = ".".join([section, *map(str, fault["loc"])])
    if fault["type"] == "extra_forbidden":
        return f"{key}: no such parameter; is it misspelt?"
    if fault["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {fault['msg'].replace('Input should be', 'expected')}, found {fault['input']!r}"
