"""Stands for stages/evaluate.py: that script, here called real_evaluate.py, with network.py for its network."""

import sys

import network

sys.modules["common.model"] = network  # type: ignore[assignment]

from real_evaluate import main  # noqa: E402

from common.errors import run  # noqa: E402

if __name__ == "__main__":
    run(main)
