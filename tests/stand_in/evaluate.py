"""Stands for stages/evaluate.py: that very script, with network.py for its network."""

import network  # isort: skip  # makes stages/ importable, before this folder

import sys

sys.modules["common.model"] = network  # type: ignore[assignment]

from common.errors import run  # noqa: E402
from evaluate import main  # noqa: E402

if __name__ == "__main__":
    run(main)
