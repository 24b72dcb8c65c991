"""Changes of parameters as people type them, `train.seed=7`, checked before anything runs."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAMLError

from common import params
from common.errors import PipelineError
from common.params import PATH as PARAMS
from common.params import faults

Overrides = Mapping[str, object]  # value by `section.name`


def parse(texts: Iterable[str]) -> dict[str, object]:
    """Return the values of `section.name=value`; each value is YAML. Raises PipelineError for anything else."""
    found = split(texts, "section.name=value, as in train.seed=7")
    return {key: parse_value(value, text) for key, value, text in found}


def parse_grid(texts: Iterable[str]) -> list[Overrides]:
    """Return every combination of `section.name=value,value,...`; the first name varies slowest."""
    axes: dict[str, list] = {}
    for key, values, text in split(texts, "section.name=value,value, as in train.batch_size=64,128"):
        axes[key] = parse_value(f"[{values}]", text)
        if not axes[key] or any(a == b for a, b in itertools.combinations(axes[key], 2)):
            raise PipelineError(f"{text}: expected different values, at least one")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def split(texts: Iterable[str], expected: str) -> Iterator[tuple[str, str, str]]:
    """Yield key, value and the whole text of each. Raises PipelineError for another form, or a key that comes twice."""
    known = set()
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key.count(".") != 1:
            raise PipelineError(f"expected {expected}, found {text}")
        if key in known:
            raise PipelineError(f"{key} is set twice")
        known.add(key)
        yield key, value, text


def parse_value(value: str, text: str) -> Any:
    try:
        return params.parse(value)
    except YAMLError:
        raise PipelineError(f"{text}: the value is not YAML") from None


def changed(folder: Path, changes: Mapping[str, object]) -> dict:
    """Return params.yaml of `folder` with these changes. Raises PipelineError for a parameter that is not there."""
    values = params.parse((folder / PARAMS).read_text(encoding="utf-8"))
    for key, value in changes.items():
        section, name = key.split(".")
        if name not in values.get(section, {}):
            raise PipelineError(f"{key}: no such parameter in {PARAMS}; is it misspelt?")
        values[section][name] = value
    return values


def require_valid(folder: Path, *variants: Mapping[str, object]) -> None:
    """Raise PipelineError unless params.yaml of `folder` is valid with each of the variants."""
    for changes in variants:
        if found := faults(changed(folder, changes)):
            raise PipelineError("; ".join(found))


def write(folder: Path, changes: Mapping[str, object]) -> None:
    """Change params.yaml of `folder`; its comments are lost."""
    text = yaml.safe_dump(changed(folder, changes), sort_keys=False)
    (folder / PARAMS).write_text(text, encoding="utf-8")


def name(changes: Mapping[str, object], keys: Sequence[str] | None = None) -> str:
    """Return the changes in one line, `seed 7, batch_size 64`."""
    return ", ".join(f"{key.split('.')[1]} {changes[key]}" for key in keys or changes) or "as params.yaml is"
