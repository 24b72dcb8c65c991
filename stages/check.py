"""Check what users edit before any other stage runs, because DVC deletes the outputs of a stage before running it.

Reads  params.yaml, all of it, and the syntax of stages/network/build.py.
Writes reports/params_checked, always the same, so that no other stage runs because of it.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

from common.errors import PipelineError, run
from common.files import atomic_write
from common.lock import exclusive
from common.params import SECTIONS, faults, read

CHECKED = Path("reports/params_checked")
BUILD = Path("stages/network/build.py")


def require_syntax(path: Path) -> None:
    """Raise PipelineError with the line of the first syntax error in a Python file."""
    try:
        compile(path.read_bytes(), path, "exec")
    except SyntaxError as error:
        raise PipelineError(f"{path}, line {error.lineno}: {error.msg}") from None


@exclusive("stage")
def main() -> None:
    if found := faults(read()):
        raise PipelineError("\n  ".join(found))
    require_syntax(BUILD)

    with atomic_write(CHECKED) as part:
        part.write_text("params.yaml has the right names, types and ranges\n", encoding="utf-8", newline="\n")
    print(f"check: {len(SECTIONS)} sections of params.yaml are valid")


if __name__ == "__main__":
    run(main)
