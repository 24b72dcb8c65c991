"""Run one variant of the pipeline, up to evaluate, in a scratch copy; print one line of JSON.

The results go to DVC's run cache, so a study can be an array of such commands, on any scheduler:
    python tools/run_variant.py --set train.seed=$SLURM_ARRAY_TASK_ID
The line holds the parameters, the metrics, the digests of the outputs and the machine. The working tree is not touched.
With several values, `--set train.seed=7,8`, each combination has a line.
"""

from running.project import run

import argparse
import json
from pathlib import Path

from running import overrides
from running.variants import Where, run_variants


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", metavar="SECTION.NAME=VALUE", action="append", default=[], help="one parameter")
    parser.add_argument("--pull", action="store_true", help="fetch results from the DVC remote, as `dvc repro` does")
    arguments = parser.parse_args()
    variants = overrides.parse_grid(arguments.set)
    for report in run_variants(Path.cwd(), variants, Where(pull=arguments.pull), lambda _, report: report, "variant"):
        print(json.dumps(report, sort_keys=True, allow_nan=False))


if __name__ == "__main__":
    run(main)
