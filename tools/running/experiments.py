"""DVC experiments of this project: how one is run, found and read."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from common.errors import PipelineError
from common.files import atomic_write
from running import copies, processes
from running.git import git

READ = [Path("reports/index.html"), Path("reports/model_card.md")]


def settings(recipe: dict, seed: int) -> Iterator[str]:
    """Yield the parameters of a recipe as `dvc exp run -S` takes them, `train.epochs=100`; the seed is last."""
    yield from (f"{key}={literal(value)}" for key, value in flat(recipe))
    yield f"train.seed={seed}"


def literal(value: object) -> str:
    """Write a value for Hydra, where a backslash is itself, except before a quote, and for OmegaConf, before `${`."""
    if isinstance(value, list):
        return f"[{','.join(map(literal, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return '"' + re.sub(r'(\\+)("|$)', r"\1\1\2", text).replace('"', '\\"') + '"'


def flat(values: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value that is not a mapping, with its full name, `download.sha256.train-images-idx3-ubyte`."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def reference(experiment: str) -> str:
    """Return the Git reference of an experiment of the current commit, or an empty string when there is none."""
    head = git("rev-parse", "HEAD").decode().strip()
    pattern = f"refs/exps/{head[:2]}/{head[2:]}/{experiment}"
    return git("for-each-ref", "--format=%(refname)", pattern).decode().strip()


def run_experiment(experiment: str, settings: Iterable[str]) -> None:
    """Run the pipeline with these parameters. Raises PipelineError if DVC fails.

    The experiment then replaces the one of the same name of the current commit; those of other commits stay.
    """
    new = f"{experiment}-new" if reference(experiment) else experiment
    if new != experiment and (left := reference(new)):  # by a run that was killed
        dvc("exp", "remove", "--quiet", left)
    dvc("exp", "run", "--temp", "--name", new, *(f"--set-param={setting}" for setting in settings))
    if new != experiment:
        dvc("exp", "rename", "--quiet", "--force", reference(new), experiment)


def dvc(*arguments: str) -> None:
    """Run DVC, and print what it prints. Raises PipelineError if it fails."""
    with processes.life_line() as line:
        status, _ = processes.run([*copies.DVC, *arguments], Path(), line, copies.environment(), show=True)
    if status:
        raise PipelineError(f"dvc {' '.join(arguments[:2])} failed: see above")


def copy_pages(experiment: str, folder: Path) -> Path:
    """Copy page and card of an experiment from DVC's cache to `folder`; return the path of the page.

    Raises PipelineError when the cache lacks them.
    """
    lock = yaml.safe_load(git("show", f"{reference(experiment)}:./dvc.lock"))
    digests = {out["path"]: out["md5"] for out in lock["stages"]["report"]["outs"]}
    cache = Path(copies.cache_settings(Path())["dir"])
    for path in READ:
        digest = digests[path.as_posix()]
        source = cache / "files/md5" / digest[:2] / digest[2:]
        if not source.exists():
            raise PipelineError(f"{path} of {experiment} is not in the cache: `dvc exp remove {experiment}`, run again")
        with atomic_write(folder / path.name) as part:
            shutil.copyfile(source, part)
    return folder / READ[0].name
