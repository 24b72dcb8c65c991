"""Rebuild a commit from scratch in a temporary folder and compare every result with the committed one.

REVISION is HEAD by default; uncommitted changes are left out. The tables that no stage writes must agree with the
results. A commit that pins other packages than HEAD gets its own, in a temporary environment made by uv.
With --recipe, trains the seeds of a recipe instead, and compares them with the commit's reports/record.csv.
Prints a table, every difference, and the machine. Writes the same to verify.json, for a row of docs/rebuilds.csv.

Exit status 0: identical. 1: different, or an error. 2: other bytes, but every number is within its tolerance, where
equal bytes are not promised: on this machine (stages/network/platform_support.py) or for layers of this network.
"""

from running.project import PROJECT, run

import argparse
import contextlib
import json
import platform
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pandas as pd
from tabulate import tabulate

from common.errors import PipelineError
from common.files import load_json, save_json
from contracts import archive
from network import platform_support
from running import copies, hardware, lock, overrides
from verification import commits, records, tolerance

STATEMENT = Path("verify.json")
LIBRARIES = ["tensorflow", "keras", "numpy", "h5py", "scipy", "scikit-learn", "matplotlib", "seaborn", "pillow", "dvc"]
VERSIONS = """import json; from importlib import metadata
print(json.dumps({package.name: package.version for package in metadata.distributions()}))"""
IDENTICAL, DIFFERENT, WITHIN_TOLERANCE = 0, 1, 2  # exit status


def shorten(lines: list[str], separator: str, most: int) -> str:
    """Join at most so many lines; a last one counts the rest."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return separator.join([*lines[:most], *more])


def show_table(committed: dict[str, str | None], found: dict[str, str | None]) -> str:
    """Return a table with each output: its path, the committed hash, the hash here, whether they agree."""
    hashes = {path: (committed.get(path) or "none", found.get(path) or "none") for path in committed | found}
    rows = [[path, old[:12], new[:12], "yes" if old == new else "NO"] for path, (old, new) in hashes.items()]
    return tabulate(rows, ["output", "committed", "here", "same"], tablefmt="plain", disable_numparse=True)


def machine(python: str) -> dict:
    """Describe the CPU, the system and the libraries of `python`."""
    versions = json.loads(subprocess.run([python, "-c", VERSIONS], capture_output=True, check=True).stdout)
    return {
        "cpu": hardware.describe_cpu(),
        "cores": hardware.cores(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libraries": {name: versions[name] for name in LIBRARIES if name in versions},
    }


def find_reason(folder: Path) -> str:
    """Return why equal bytes are not promised for the commit in `folder`; an empty string where they are."""
    if not any(folder.glob("stages/**/arithmetic.py")):
        return "a commit older than the arithmetic that every CPU rounds alike"
    with contextlib.suppress(PipelineError):  # no archive of Keras
        if kinds := archive.uncovered(archive.load_config(folder / archive.PATH)):
            return f"{', '.join(kinds)}: same bytes on one machine only"
    return platform_support.unsupported_reason()


def judge(committed: commits.Results, found: commits.Results, reason: str) -> tuple[int, str, list[str]]:
    """Return exit status, verdict, and a line for each difference that counts; reason: why bytes may differ."""
    paths = {**committed.hashes, **found.hashes}
    other = [path for path in paths if committed.hashes.get(path) != found.hashes.get(path)]
    if not other:
        return IDENTICAL, "identical: every output has the committed bytes", []
    lines = []
    for path in other:
        if not (committed.hashes.get(path) and found.hashes.get(path)):
            lines.append(f"{path} exists only {'here' if found.hashes.get(path) else 'in the commit'}")
        elif path.startswith("data/"):
            lines.append(f"{path}: no CPU rounds these differently")
        else:
            for name in sorted(committed.contents.keys() & found.contents.keys()):
                if PurePosixPath(name).is_relative_to(path):  # the output may be a folder
                    lines += tolerance.outside(name, committed.contents[name], found.contents[name], exact=not reason)
    if not reason:
        verdict = f"different: {len(other)} of {len(paths)} outputs, where equal bytes are promised"
        return DIFFERENT, verdict, lines
    if lines:
        return DIFFERENT, "different: outside the tolerance", lines
    return WITHIN_TOLERANCE, f"equal within the tolerance: other bytes, as may be ({reason})", []


def rebuild_recipe(folder: Path, name: str, python: str) -> None:
    """Train each seed of a recipe that its table has, in `folder`. Raises PipelineError for other numbers."""
    changes, table = overrides.read_recipe(folder, name), pd.read_csv(folder / records.RECORD)
    rows = table[table["recipe"] == name].to_dict("records")
    faults = [] if rows else [f"{records.RECORD} has no row of it"]
    for row in rows:
        overrides.write(folder, {**changes, "train.seed": row["seed"]})
        copies.repro(folder, "evaluate", python=python)
        found: dict = {}
        for path in records.METRICS:
            found |= load_json(folder / path, Path(path).parent.name)
        wrong = [
            f"seed {row['seed']}: {key} {found[key]}, not {row[key]}"
            for key in ("val_accuracy", "accuracy", "errors")
            if found[key] != row[key]
        ]
        print(f"{name}, seed {row['seed']}: {'other numbers' if wrong else 'as committed'}", flush=True)
        faults += wrong
    if faults:
        reason = find_reason(folder)
        raise PipelineError(f"recipe {name}: {'; '.join(faults)}{reason and f' ({reason})'}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild a commit from scratch and compare it with its own results.")
    parser.add_argument("revision", metavar="REVISION", nargs="?", default="HEAD", help="a commit; HEAD by default")
    parser.add_argument("--recipe", metavar="NAME", help="train the seeds of a recipe, and compare reports/record.csv")
    arguments = parser.parse_args()
    commit = commits.find(PROJECT, arguments.revision)
    print(f"verify: {commit.short} {commit.subject}", flush=True)
    with TemporaryDirectory(prefix="verify-") as scratch:
        home = Path(scratch).resolve()
        folder = copies.export(PROJECT, commit.hash, home / "project")
        if not (folder / "dvc.lock").exists():
            raise PipelineError(f"{commit.short} has no dvc.lock: nothing to compare with; run `dvc repro` and commit")
        with contextlib.chdir(folder):
            stale = lock.find_stale()
        if stale:
            raise PipelineError(f"dvc.lock does not match {shorten(stale, ', ', 20)}; run `dvc repro` and commit")
        if faults := records.find_faults(PROJECT, commit.hash):
            raise PipelineError(f"{shorten(faults, '; ', 5)} (docs/verification.md)")
        python = commits.find_python(PROJECT, commit, folder, home / "environment")
        committed = commits.read_results(folder)
        for path in folder.rglob("dvc.lock"):
            path.unlink()
        if arguments.recipe:
            rebuild_recipe(folder, arguments.recipe, python)
            return
        started = time.monotonic()
        copies.repro(folder, "--force", "--all-pipelines", python=python)
        seconds = round(time.monotonic() - started)
        found, here, reason = commits.read_results(folder), machine(python), find_reason(folder)

    status, verdict, lines = judge(committed, found, reason)
    print("", show_table(committed.hashes, found.hashes), "", shorten(lines, "\n", 20), sep="\n")
    libraries = ", ".join(f"{name} {version}" for name, version in here["libraries"].items())
    print(f"machine: {here['cores']} cores, {here['cpu']}, {here['architecture']}, {here['system']}")
    print(f"python {here['python']}, {libraries}")
    print(f"expected: {f'numbers within the tolerance ({reason})' if reason else 'the same bytes'}")
    print(f"{seconds} seconds from scratch", "", f"verify: {verdict}", sep="\n", flush=True)
    statement = {**here, "commit": commit.hash, "commit_date": commit.day, "outputs": found.hashes, "seconds": seconds}
    try:
        save_json(PROJECT / STATEMENT, {**statement, "verdict": verdict.split(":")[0]})
    except OSError as error:
        print(f"verify: {STATEMENT} could not be written: {error.strerror}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    run(main)
