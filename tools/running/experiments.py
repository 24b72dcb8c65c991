"""DVC experiments of this project: how one is run, found and read."""

import json
import re
from pathlib import Path

from common.errors import PipelineError
from common.files import atomic_write
from running import copies, processes
from running.git import git
from running.overrides import Overrides

READ = [Path("reports/index.html"), Path("reports/model_card.md")]


def literal(value: object) -> str:
    """Write a value for Hydra, where a backslash is itself, except before a quote, and for OmegaConf, before `${`."""
    if isinstance(value, list):
        return f"[{','.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{literal(item)}' for key, item in value.items())}}}"
    if not isinstance(value, str):
        return json.dumps(value)
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return '"' + re.sub(r'(\\+)("|$)', r"\1\1\2", text).replace('"', '\\"') + '"'


def run_experiment(experiment: str, changes: Overrides) -> None:
    """Run the pipeline with these parameters; it replaces the current commit's experiment of the same name."""
    head = git("rev-parse", "HEAD").decode().strip()
    git("update-ref", "-d", f"refs/exps/{head[:2]}/{head[2:]}/{experiment}")
    options = [f"--set-param={key}={literal(value)}" for key, value in changes.items()]
    command = [*copies.DVC, "exp", "run", "--temp", "--name", experiment, *options]
    with processes.life_line() as line:
        status, _ = processes.run(command, Path(), line, copies.environment(), show=True)
    if status:
        raise PipelineError(f"{experiment}: dvc exp run failed: see above")


def copy_pages(experiment: str, folder: Path) -> Path:
    """Copy page and card of an experiment from DVC's cache to `folder`; return the path of the page."""
    from dvc import api, exceptions  # most of a second

    prefix = git("rev-parse", "--show-prefix").decode().strip()  # of the project in a larger repository
    for path in READ:
        try:
            content = api.read(f"{prefix}{path.as_posix()}", rev=experiment, mode="rb")
        except (exceptions.DvcException, FileNotFoundError):
            raise PipelineError(f"{path} of {experiment} is not in DVC's cache: run the recipe again") from None
        with atomic_write(folder / path.name) as part:
            part.write_bytes(content)
    return folder / READ[0].name
