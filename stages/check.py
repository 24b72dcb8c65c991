"""Check params.yaml before any other stage runs, because DVC deletes the outputs of a stage before running it.

Reads  params.yaml, all of it.
Writes reports/params_checked, always the same, so that no other stage runs because of it.
"""

import common.interrupts  # noqa: F401

from pathlib import Path

from common.errors import run
from common.files import atomic_write
from common.lock import exclusive
from common.params import SECTIONS, require_valid

CHECKED = Path("reports/params_checked")


@exclusive("stage")
def main() -> None:
    require_valid()

    with atomic_write(CHECKED) as part:
        part.write_text("params.yaml has the right names, types and ranges\n", encoding="utf-8", newline="\n")
    print(f"check: {len(SECTIONS)} sections of params.yaml are valid")


if __name__ == "__main__":
    run(main)
