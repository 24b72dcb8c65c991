"""Run one variant of the pipeline, up to evaluate, in a scratch copy; print one line of JSON.

Usage: python tools/run_variant.py [--set SECTION.NAME=VALUE]... [--pull]

The results go to DVC's run cache, so a study can be an array of such commands, on any scheduler:
    python tools/run_variant.py --set train.seed=$SLURM_ARRAY_TASK_ID
The line holds the parameters, the metrics, the digests of the outputs and the machine. The working tree is not touched.
"""

import running.stages_on_path  # noqa: F401

import argparse
import json
from pathlib import Path

from running import overrides, project
from running.variants import Where, outputs, run_variants

METRICS = {stage: Path(f"reports/{stage}/metrics.json") for stage in ("train", "evaluate")}


def read(folder: Path, report: dict) -> dict:
    """Return the report, with the metrics and the digests of the outputs."""
    metrics = {stage: json.loads((folder / path).read_text(encoding="utf-8")) for stage, path in METRICS.items()}
    return {**report, "metrics": metrics, "outputs": outputs(folder)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", metavar="SECTION.NAME=VALUE", action="append", default=[], help="one parameter")
    parser.add_argument("--pull", action="store_true", help="fetch results from the DVC remote, as `dvc repro` does")
    arguments = parser.parse_args()
    changes = overrides.parse(arguments.set)
    (result,) = run_variants(Path.cwd(), [changes], Where(pull=arguments.pull), read, title="variant")
    print(json.dumps(result, sort_keys=True, allow_nan=False))


if __name__ == "__main__":
    project.run(main)
