"""Run one variant of the pipeline, up to evaluate, in a scratch copy; print one line of JSON.

Usage: python tools/run_variant.py [--set SECTION.NAME=VALUE]...

What somebody has computed already is not computed again: with a default DVC remote the results are fetched from there,
and new ones are pushed to it. So a study can be an array of such commands, on any scheduler:
    python tools/run_variant.py --set train.seed=$SLURM_ARRAY_TASK_ID
The line holds the parameters, the metrics, the digests of the outputs and the machine. The working tree is not touched.
"""

import running.stages_on_path  # noqa: F401

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import run
from running import copies, life_line, overrides, variant

PROJECT = Path(__file__).resolve().parents[1]


@contextmanager
def only_the_result_on_stdout():
    """Send what DVC and the stages print to standard error."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", metavar="SECTION.NAME=VALUE", action="append", default=[], help="one parameter")
    parser.add_argument("--train-again", action="store_true", help="only train, known or not, and print the digest")
    parser.add_argument("--no-remote", action="store_true", help="neither fetch nor push, even with a default remote")
    parser.add_argument("--file", action="append", default=[], help="also print the content of this file of the result")
    parser.add_argument("--in-place", action="store_true", help="this folder is a scratch copy; for workers")
    parser.add_argument("--life-line", action="store_true", help="end with everything when standard input ends")
    arguments = parser.parse_args()
    if arguments.life_line:
        life_line.hold()

    changes = overrides.parse(arguments.set)
    overrides.require_valid(PROJECT, changes)
    with TemporaryDirectory(prefix="variant-") as scratch, only_the_result_on_stdout():
        folder = PROJECT
        if not arguments.in_place:
            folder = copies.copy(PROJECT, Path(scratch).resolve() / "project", copies.cache_settings(PROJECT))
        run_it = variant.train_again if arguments.train_again else variant.run
        result = run_it(folder, changes, share=not arguments.no_remote and variant.has_remote(folder))
        result |= {"files": {name: (folder / name).read_text(encoding="utf-8") for name in arguments.file}}
    print(json.dumps(result, sort_keys=True, allow_nan=False))


if __name__ == "__main__":
    run(main)
