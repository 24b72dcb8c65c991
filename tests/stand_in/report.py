"""Stands for stages/report.py."""

import common.interrupts  # noqa: F401

from functools import partial

from common.outputs import write_outputs

from common.errors import run

if __name__ == "__main__":
    run(partial(write_outputs, "report"))
