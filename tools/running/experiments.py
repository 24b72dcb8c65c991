"""DVC experiments of this project: how one is run, found and read."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from common.errors import PipelineError
from common.files import atomic_write
from running import copies
from running.git import git

READ = [Path("reports/index.html"), Path("reports/model_card.md")]


def overrides(recipe: dict, seed: int) -> Iterator[str]:
    """Yield the parameters of a recipe as DVC's overrides, `train.epochs=100`, with the seed last."""
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
    """Yield each value that is no mapping under its full name, `download.sha256.train-images-idx3-ubyte`."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def reference(experiment: str) -> str:
    """Return the Git reference of a DVC experiment of the current commit, or nothing when it has none of that name."""
    head = git("rev-parse", "HEAD").decode().strip()
    pattern = f"refs/exps/{head[:2]}/{head[2:]}/{experiment}"
    return git("for-each-ref", "--format=%(refname)", pattern).decode().strip()


def run_experiment(experiment: str, settings: Iterable[str]) -> bool:
    """Run the pipeline with these parameters; return whether `train` ran. Raises PipelineError if DVC fails.

    An experiment of the same name takes the place of the one of the current commit; those of other commits stay.
    """
    if old := reference(experiment):
        dvc("exp", "remove", "--quiet", old)
    lines = dvc("exp", "run", "--temp", "--name", experiment, *(f"--set-param={setting}" for setting in settings))
    return any("Running stage 'train'" in line for line in lines)


def dvc(*arguments: str, show: bool = True) -> list[str]:
    """Run DVC; print its lines as they come and return them. Raises PipelineError if it fails."""
    lines = []
    command = [sys.executable, "-m", "dvc", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=copies.environment()) as process:
        try:
            for line in process.stdout or ():
                if show:
                    print(line, end="", flush=True)
                lines.append(line)
        except KeyboardInterrupt:
            process.terminate()  # Ctrl-C reaches it as well, but a `kill` of this process does not
            raise
    if process.returncode:
        raise PipelineError(f"dvc {' '.join(arguments[:2])} failed: see above")
    return lines


def copy_pages(experiment: str, folder: Path) -> Path:
    """Copy page and card of an experiment from DVC's cache to `folder`; return where the page is.

    Raises PipelineError when the cache does not have them any more.
    """
    lock = yaml.safe_load(git("show", f"{reference(experiment)}:./dvc.lock"))
    digests = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"] if "md5" in out}
    cache = Path(dvc("cache", "dir", show=False)[0].strip())
    for path in READ:
        digest = digests[path.as_posix()]
        source = cache / "files/md5" / digest[:2] / digest[2:]
        if not source.exists():
            raise PipelineError(f"{path} of {experiment} is not in the cache: `dvc exp remove {experiment}`, run again")
        with atomic_write(folder / path.name) as part:
            shutil.copyfile(source, part)
    return folder / READ[0].name
