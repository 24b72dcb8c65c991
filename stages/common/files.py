"""Write output files atomically: a file appears whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.errors import PipelineError
from common.lock import require_parent


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the name `path` only when the block ends without an error.

    The `.part` file has a fixed name, so what a killed run left behind is replaced by the next one.
    Raises PipelineError instead of giving the file its name in a stage that a killed DVC left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        yield part
        require_parent()
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def save_json(path: Path, values: Mapping) -> None:
    """Write `values` with sorted keys; NaN and infinity raise ValueError, because JSON has neither."""
    with atomic_write(path) as part:
        part.write_text(
            json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )


@contextmanager
def readable(path: Path, stage: str) -> Iterator[None]:
    """Raise PipelineError that names the stage which writes `path` if the file is missing or the block cannot read it.

    The block should only read: libraries raise any exception for a damaged file.
    """
    require(path, stage)
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise PipelineError(f"{path} cannot be read ({reason}); {rerun_hint(stage)}") from None


def load_json(path: Path, stage: str) -> dict:
    """Return what `stage` saved with `save_json`. Raises PipelineError when the file is missing or is not JSON."""
    with readable(path, stage):
        return json.loads(path.read_text(encoding="utf-8"))


def rerun_hint(stage: str) -> str:
    """Return the commands that rebuild the outputs of one stage, even if DVC takes them for up to date."""
    return f"run `dvc repro --force --single-item {stage}`, then `dvc repro`"


def require(path: Path, stage: str) -> Path:
    """Return `path`, or raise PipelineError that names the stage that writes it."""
    if not path.exists():
        raise PipelineError(f"{path} is missing: run `python stages/{stage}.py` first, or `dvc repro` for all of it")
    return path
