"""Check what users edit before any other stage runs, because DVC deletes the outputs of a stage before running it.

Reads  params.yaml, all of it, and the syntax of stages/network/build.py.
Writes reports/params_checked, always the same, so that no other stage runs because of it.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

from common.errors import PipelineError
from common.files import atomic_write
from common.lock import run_stage
from common.params import SECTIONS, faults, read

CHECKED = Path("reports/params_checked")
BUILD = Path("stages/network/build.py")


def require_valid() -> None:
    """Raise PipelineError with a line for each fault of params.yaml and for the first syntax error in BUILD."""
    found = faults(read())
    try:
        compile(BUILD.read_bytes(), BUILD, "exec")
    except SyntaxError as error:
        found.append(f"{BUILD}, line {error.lineno}: {error.msg}")
    if found:
        raise PipelineError("\n  ".join(found))


def main() -> None:
    require_valid()

    with atomic_write(CHECKED) as part:
        part.write_text("params.yaml has the right names, types and ranges\n", encoding="utf-8", newline="\n")
    print(f"check: {len(SECTIONS)} sections of params.yaml are valid")


if __name__ == "__main__":
    run_stage(main)
