"""What stands for a stage whose outputs nobody looks into: its parameters, in each of them."""

import json
from pathlib import Path

import yaml

from common.files import atomic_write
from common.lock import exclusive


@exclusive("stage")
def write_outputs(stage: str) -> None:
    declared = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][stage]
    values = yaml.safe_load(Path("params.yaml").read_text())
    for kind in ("outs", "plots"):
        for output in declared.get(kind, []):
            (path,) = output
            with atomic_write(Path(path)) as part:
                part.write_text(json.dumps({name: values[name] for name in declared["params"]}))
