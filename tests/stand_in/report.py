"""Stands for stages/report.py, whose page carries the weights of a network that Keras has saved."""

import network  # noqa: F401  # isort: skip  # makes stages/ importable

from pathlib import Path

from common.errors import run
from common.files import atomic_write
from common.lock import held


@held("stage")
def main() -> None:
    with atomic_write(Path("reports/index.html")) as part:
        part.write_text("the results page\n")


if __name__ == "__main__":
    run(main)
