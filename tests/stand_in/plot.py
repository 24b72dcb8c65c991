"""Stands for stages/plot.py and stages/report.py, whose outputs nobody looks into: the parameters, in each of them."""

import common.interrupts  # noqa: F401

import json
import sys
from pathlib import Path

import yaml

from common.files import atomic_write
from common.lock import run_stage


def main() -> None:
    declared = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][Path(sys.argv[0]).stem]
    values = yaml.safe_load(Path("params.yaml").read_text())
    for output in [*declared.get("outs", []), *declared.get("plots", [])]:
        (path,) = output
        with atomic_write(Path(path)) as part:
            part.write_text(json.dumps({name: values[name] for name in declared["params"]}))


if __name__ == "__main__":
    run_stage(main)
