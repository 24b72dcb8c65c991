"""Is the change real? Compare the test predictions of two revisions, image by image.

Usage: python tools/compare.py [REV] [REV] [--json | --md] [--plot FILE.png]

REV is a Git revision, tag or branch, the name of a DVC experiment, or `workspace` for the files as they are now.
Without any, HEAD is compared with the copies.
Reads  reports/evaluate/predictions.csv, params.yaml and, where it is there, reports/seeds.csv at both revisions.
Writes nothing, but with --plot the test images whose answer became right or wrong.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import running.stages_on_path  # noqa: F401
from common import wilson
from common.errors import PipelineError, run
from comparison import reports, statistics
from comparison.revisions import PREDICTIONS, WORKSPACE, Revision, read_revision

LEVEL = 0.95  # of every interval, and of the reports that call them "95 %"


def compare(old: Revision, new: Revision) -> dict:
    """Return all that --json prints. Raises PipelineError if the test sets differ, for then nothing can be paired."""
    require_pairs(old, new)
    actual = old.predictions["actual"].to_numpy()
    was_wrong, is_wrong = (actual != revision.predictions["predicted"].to_numpy() for revision in (old, new))
    table = statistics.count(~was_wrong, ~is_wrong)
    seeds = matching_seeds(old, new)
    spread = statistics.pool(seeds)
    names = new.parameters.get("dataset.class_names", [])
    result = {
        "old": describe(old),
        "new": describe(new),
        "images": len(actual),
        "difference": {
            "accuracy": round(table.difference, 6),
            **interval(statistics.difference_interval(table, LEVEL)),
            "errors": table.lost - table.gained,
            "gained": table.gained,
            "lost": table.lost,
            "p": float(f"{statistics.mcnemar(table):.3g}"),
        },
        "seeds": spread
        and {
            "n": sum(map(len, seeds)),
            "errors_sd": round(spread.sd * len(actual), 6),
            "share_of_pairs": round(statistics.share_of_pairs(table.difference, spread), 6),
        },
        "settings": spread and interval(statistics.settings_interval(table, spread, LEVEL)),
        "digits": [
            {
                "name": names[digit] if digit < len(names) else str(digit),
                "images": int((actual == digit).sum()),
                "old_errors": int(was_wrong[actual == digit].sum()),
                "new_errors": int(is_wrong[actual == digit].sum()),
            }
            for digit in np.unique(actual).tolist()
        ],
        "parameters": {
            key: {"old": old.parameters.get(key), "new": new.parameters.get(key)}
            for key in sorted({*old.parameters, *new.parameters})
            if old.parameters.get(key) != new.parameters.get(key)
        },
    }
    return result | {"verdict": reports.verdict(result)}


def require_pairs(old: Revision, new: Revision) -> None:
    """Raise PipelineError unless both revisions answered the same images, as far as their labels tell."""
    if len(old.predictions) != len(new.predictions):
        found = f"{len(old.predictions):,} images in {old.name}, {len(new.predictions):,} in {new.name}"
    else:
        same = (old.predictions[["index", "actual"]] == new.predictions[["index", "actual"]]).all(axis=1)
        found = f"{(~same).sum():,} rows of {PREDICTIONS.as_posix()} have another index or actual digit"
        if same.all():
            return
    raise PipelineError(f"expected the same test images in {old.name} and {new.name}, found {found}")


def matching_seeds(*revisions: Revision) -> list[np.ndarray]:
    """Return the accuracies of each table of seeds that belongs to the settings of its revision.

    A table that an older commit left behind is found out by its row for the revision's own seed, which must have the
    revision's number of errors. The same table at both revisions counts once.
    """
    own = []
    for revision in revisions:
        seeds, images = revision.seeds, len(revision.predictions)
        if seeds is None:
            continue
        errors = seeds.loc[seeds["seed"] == revision.parameters.get("train.seed"), "errors"]
        if (errors == revision.errors).all() and not any(seeds["errors"].equals(other) for other in own):
            own.append(seeds["errors"])
    return [1 - errors.to_numpy() / images for errors in own]


def describe(revision: Revision) -> dict:
    n = len(revision.predictions)
    return {
        "name": revision.name,
        "subject": revision.subject,
        "accuracy": round(1 - revision.errors / n, 6),
        **interval(wilson.interval(n - revision.errors, n, LEVEL)),
        "errors": revision.errors,
    }


def interval(ends: tuple[float, float]) -> dict[str, float]:
    return {"low": round(ends[0], 6), "high": round(ends[1], 6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", metavar="REV", nargs="?", default="HEAD", help="the older revision; HEAD by default")
    parser.add_argument(
        "new", metavar="REV", nargs="?", default=WORKSPACE, help="the newer one; the workspace by default"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--md", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the images gained and lost")
    arguments = parser.parse_args()

    old, new = read_revision(arguments.old), read_revision(arguments.new)
    result = compare(old, new)
    if arguments.plot:
        from comparison.flips import save_flips  # Matplotlib, which only this needs

        save_flips(old, new, arguments.plot)
        print(f"compare: drew {arguments.plot}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(result, indent=2, sort_keys=True, allow_nan=False))
    else:
        print(reports.markdown(result) if arguments.md else reports.text(result))


if __name__ == "__main__":
    run(main)
