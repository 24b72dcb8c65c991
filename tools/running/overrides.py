"""Changes of parameters as people type them, `train.seed=7`, checked before anything runs."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from ruamel.yaml import YAMLError

from common import params
from common.errors import PipelineError

RECIPES = Path("recipes")
Overrides = Mapping[str, object]  # value by `section.name`


def parse_grid(texts: Iterable[str]) -> list[Overrides]:
    """Return each combination of `section.name=value,value,...`, the first name slowest; each value is YAML."""
    axes: dict[str, list] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or key.count(".") != 1:
            raise PipelineError(f"expected section.name=value, as in train.seed=7, found {text}")
        if key in axes:
            raise PipelineError(f"{key} is set twice")
        try:
            axes[key] = params.parse(f"[{values}]")
        except YAMLError:
            raise PipelineError(f"{text}: the value is not YAML") from None
        if not axes[key] or any(a == b for a, b in itertools.combinations(axes[key], 2)):
            raise PipelineError(f"{text}: expected different values, at least one")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def changed(folder: Path, changes: Overrides) -> dict:
    """Return params.yaml of `folder` with these changes, unchecked."""
    values = params.read(folder / params.PATH)
    for key, value in changes.items():
        section, name = key.split(".")
        values.setdefault(section, {})[name] = value
    return values


def require_valid(folder: Path, *variants: Overrides) -> None:
    """Raise PipelineError unless params.yaml of `folder` is valid with each of the variants."""
    for changes in variants:
        if found := params.faults(changed(folder, changes)):
            raise PipelineError("; ".join(found))


def read_recipe(folder: Path, name: str) -> Overrides:
    """Return the parameters in recipes/`name`.yaml of `folder`. Raises PipelineError unless all are valid."""
    path = folder / RECIPES / f"{name}.yaml"
    if not path.exists():
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        raise PipelineError(f"expected the name of a recipe, one of {', '.join(known)}, found {name!r}")
    recipe = params.read(path)
    if not all(isinstance(section, dict) for section in recipe.values()):
        raise PipelineError(f"{path}: expected sections, each with its parameters")
    changes = {f"{section}.{key}": value for section, values in recipe.items() for key, value in values.items()}
    try:
        require_valid(folder, changes)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from None
    return changes


def write(folder: Path, changes: Overrides) -> None:
    """Change params.yaml of `folder`; its comments are lost."""
    text = yaml.safe_dump(changed(folder, changes), sort_keys=False)
    (folder / params.PATH).write_text(text, encoding="utf-8")


def name(changes: Overrides) -> str:
    """Return the changes in one line, `seed 7, batch_size 64`."""
    return ", ".join(f"{key.split('.')[1]} {value}" for key, value in changes.items()) or "as params.yaml is"
