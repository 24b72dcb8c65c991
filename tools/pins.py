"""Check that the lock files pin what the requirements name, which the stages declare as what their outputs depend on.

Usage: python tools/pins.py

Reads  requirements.in, requirements-cluster.in, requirements-dev.in, what they include, and the .txt file of each.
Writes nothing. Exit status 1 if a lock file was changed alone, as by a bot.
"""

import running.stages_on_path  # noqa: F401

import re
from collections.abc import Iterator
from pathlib import Path

from common.errors import PipelineError, run

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = {f"{name}.in": f"{name}.txt" for name in ("requirements", "requirements-cluster", "requirements-dev")}
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;\\]+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Return the version of each package that a requirements file pins, by its normalized name (PEP 503)."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall(text)}


def included(path: Path) -> Iterator[Path]:
    """Yield a requirements file and those that it includes."""
    yield path
    for name in re.findall(r"^-r (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        yield from included(path.parent / name)


def disagreements(folder: Path) -> list[str]:
    """Return a line for each package that a lock file pins to another version than the requirements, or not at all."""
    found = []
    for requirements, lock in LOCKS.items():
        locked = pins((folder / lock).read_text(encoding="utf-8"))
        for path in included(folder / requirements):
            for name, version in pins(path.read_text(encoding="utf-8")).items():
                if locked.get(name) != version:
                    found.append(
                        f"{path.relative_to(folder).as_posix()} has {name} {version}, {lock} {locked.get(name, 'none')}"
                    )
    return found


def main() -> None:
    if found := disagreements(PROJECT):
        raise PipelineError(f"{'; '.join(dict.fromkeys(found))}: set the version in the .in file, then `make lock`")


if __name__ == "__main__":
    run(main)
