"""Compare the predictions of two or more revisions, image by image and, where there are studies, over seeds.

REV is a Git revision, tag or branch, the name of a DVC experiment, or `workspace` for the files as they are now. The
first is the baseline, HEAD by default; the others are compared with it, the workspace by default.
Reads  reports/evaluate/{validation_predictions,predictions}.csv, params.yaml, dvc.lock and reports/seeds.{csv,npz}.
Writes nothing; with --plot, the images whose answer became right or wrong.

Exit status 3 with --margin: for some revision, a loss of POINTS is not ruled out. 1: an error. 2: a wrong command line.
"""

from running.project import given, run

import argparse
import json
import sys
from dataclasses import asdict

from comparison import reports
from comparison.judgement import compare_all
from comparison.revisions import PREDICTIONS, WORKSPACE, read_revision

NOT_SHOWN = 3  # exit status


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("old", metavar="REV", nargs="?", default="HEAD", help="the baseline; HEAD by default")
    parser.add_argument(
        "new", metavar="REV", nargs="*", default=[WORKSPACE], help="what to compare with it; the workspace by default"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--md", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--plot", metavar="FILE.png", type=given, help="draw the images gained and lost")
    parser.add_argument("--split", choices=PREDICTIONS, default="validation", help="judge on these images")
    parser.add_argument(
        "--margin", metavar="POINTS", type=float, help="exit status 3 unless a loss of them is ruled out"
    )
    arguments = parser.parse_args()
    if arguments.margin is not None and not 0 < arguments.margin < 100:
        parser.error("--margin: expected percentage points between 0 and 100")
    if arguments.plot and len(arguments.new) > 1:
        parser.error(f"--plot draws one pair, found {len(arguments.new)} revisions to compare with the baseline")

    old, *variants = (read_revision(name, arguments.split) for name in [arguments.old, *arguments.new])
    comparisons = compare_all(old, variants, arguments.margin)
    if arguments.plot:
        from comparison.flips import save_flips  # Matplotlib, which only this needs

        save_flips(old, variants[0], arguments.plot)
        print(f"compare: drew {arguments.plot}", file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(found) for found in comparisons], indent=2, sort_keys=True, allow_nan=False))
    else:
        print(reports.markdown(comparisons) if arguments.md else reports.text(comparisons))
    sys.exit(NOT_SHOWN if any(found.not_worse is False for found in comparisons) else 0)


if __name__ == "__main__":
    run(main)
