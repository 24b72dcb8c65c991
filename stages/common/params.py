"""The parameters of params.yaml: a class for each section, read strictly and checked before anything runs."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError
from ruamel.yaml import YAML, YAMLError

from common.errors import PipelineError

PATH = Path("params.yaml")
MOST_CLASSES = 256  # a label is one byte

S = TypeVar("S", bound="Section")
Fraction = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=500)]
HiddenUnits = Annotated[list[Annotated[int, Field(ge=1, le=16384)]], Field(max_length=8)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Types are strict, unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Section(Strict):
    """A section of params.yaml: a subclass `Train` checks the section `train`."""

    @classmethod
    def section_name(cls) -> str:
        return cls.__name__.lower()


def distinguishable(names: list[str]) -> list[str]:
    """Return the names. Raises an error of pydantic when two look alike or one cannot be seen."""
    if len({name.strip() for name in names if name.isprintable()} - {""}) < len(names):
        raise PydanticCustomError("names", "expected names that are visible text and differ")
    return names


class Dataset(Section):
    class_names: Annotated[list[str], Field(min_length=2, max_length=MOST_CLASSES), AfterValidator(distinguishable)]


class About(Section):
    """What the page, card and figures state about the data. No number depends on it, so nothing is trained again."""

    name: Text  # of the data set
    subject: Text  # what the images show, in the plural: "a network that recognises ..."
    unit: Text  # what one class is called: "actual ...", "every ..."
    form: Literal["strokes", "pictures"]  # strokes can be drawn on the page and found in a photo, pictures cannot
    background: Literal["dark", "light", "either"]  # of pictures as people have them; predict inverts light ones
    origin: Text
    licence: Text


class Digests(Strict):
    """SHA-256 of each decompressed IDX file, by its published name; None: not known, and download reports it."""

    train_images: Sha256 | None = Field(alias="train-images-idx3-ubyte")
    train_labels: Sha256 | None = Field(alias="train-labels-idx1-ubyte")
    test_images: Sha256 | None = Field(alias="t10k-images-idx3-ubyte")
    test_labels: Sha256 | None = Field(alias="t10k-labels-idx1-ubyte")


class Download(Section):
    sources: Annotated[list[str], Field(min_length=1)]
    sha256: Digests


class Normalize(Section):
    validation_fraction: Fraction
    seed: Seed


class Eda(Section):
    samples_per_digit: Annotated[int, Field(ge=1, le=20)]


class Model(Section):
    convolutions: Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(max_length=3)]
    hidden_units: HiddenUnits


class Train(Section):
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Literal["constant", "cosine"]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    augmentation: Literal["none", "shift", "elastic", "written"]
    augmentation_strength: Annotated[list[Annotated[float, Field(ge=0, le=2)]], Field(min_length=2, max_length=2)]
    seed: Seed


class Evaluate(Section):
    confidence_level: Fraction
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    ambiguous: Annotated[int, Field(ge=1, le=100)]


class Figures(Section):
    font: str | None


class Plot(Section):
    mistakes: Annotated[int, Field(ge=1, le=100)]


SECTIONS = Section.__subclasses__()
MESSAGES = {  # by pydantic's name of an error, where its own text is for programmers
    "extra_forbidden": "no such parameter; is it misspelt, or missing in stages/common/params.py?",
    "missing": "missing",
    "list_type": "expected a list, found {found!r}",
    "model_type": "expected parameters with their names, found {found!r}",
    "too_long": "expected at most {max_length} values, found {actual_length}: {found!r}",
    "too_short": "expected at least {min_length} values, found {actual_length}: {found!r}",
}


def parse(text: str | bytes) -> Any:
    """Return the value of a YAML text, read by the parser that DVC uses (YAML 1.2: `no` is text, `1e-3` a number).

    Raises ruamel.yaml.YAMLError.
    """
    return YAML(typ="safe").load(text)


def parse_sections(text: str | bytes, name: Path | str) -> dict:
    """Return the mapping in a YAML text. Raises PipelineError, with the name of the text, for any other."""
    try:
        values = parse(text)
    except (YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise PipelineError(f"{name}: expected sections, found {type(values).__name__}")
    return values


def read(path: Path = PATH) -> dict:
    """Return all of a params.yaml, unchecked. Raises PipelineError when it is missing or is not a mapping."""
    try:
        return parse_sections(path.read_bytes(), path)
    except FileNotFoundError:
        raise PipelineError(f"{path} not found in {Path.cwd()}: run stages from the project's folder") from None


def load(section: type[S], path: Path = PATH) -> S:
    """Return the section of params.yaml, or of the file `path`, that the class is named after.

    Raises PipelineError: one line with the key, the allowed values and the value found.
    """
    return validate(section, read(path))


def validate(section: type[S], values: dict) -> S:
    """Return the section out of `values`, the content of params.yaml; raises as `load` does."""
    name = section.section_name()
    if found := faults({key: value for key, value in values.items() if key == name}, section):
        raise PipelineError("; ".join(found))
    return section.model_validate(values[name])


def explain(fault: ErrorDetails) -> str:
    """Return one of pydantic's errors as `train.epochs: expected ..., found '5'`."""
    key = ".".join(map(str, fault["loc"]))
    if message := MESSAGES.get(fault["type"]):
        return f"{key}: {message.format(found=fault['input'], **fault.get('ctx', {}))}"
    return f"{key}: {fault['msg'].replace('Input should be', 'expected')}, found {fault['input']!r}"


def faults(values: dict, *sections: type[Section]) -> list[str]:
    """Return a line for each fault of `values`, the content of params.yaml, or of a file with these sections alone."""
    fields: dict[str, Any] = {section.section_name(): (section, ...) for section in sections or SECTIONS}
    try:
        create_model("Parameters", __base__=Strict, **fields).model_validate(values)
    except ValidationError as error:
        return [explain(fault) for fault in error.errors()]
    return []
