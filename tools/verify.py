"""Run the pipeline from scratch in a temporary copy and compare its outputs with the committed ones.

Usage: python tools/verify.py [--keep-lock FILE]

Compares every output with the dvc.lock of the last commit and prints a table, what differs and by how much, and the
machine. Writes verify.json, which Git ignores: the same as a statement to keep or send, for a row of docs/rebuilds.csv.
Exit status 0: identical; 2: other bytes, but the metrics are within the tolerance; 1: different. Where the same bytes
are promised, stages/network/platform_support.py says.
"""

import running.stages_on_path  # noqa: F401

import argparse
import hashlib
import json
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from common import params
from common.errors import PipelineError, run
from common.files import save_json
from common.params import PATH as PARAMS
from contracts import weights
from network import platform_support
from running import copies, hardware, lock
from running.git import git

PROJECT = Path(__file__).parents[1]
METRICS = "reports/evaluate/metrics.json"
MODEL = Path(lock.MODEL)
STATEMENT = Path("verify.json")
LIBRARIES = ["tensorflow", "keras", "numpy", "h5py", "scipy", "scikit-learn", "matplotlib", "seaborn", "pillow", "dvc"]
# Where the same bytes are not promised, a CPU may round differently and so train a different network, like another
# seed; ten seeds ranged over about a quarter of a point.
TOLERANCE = {"accuracy": 0.003, "loss": 0.01}
IDENTICAL, DIFFERENT, WITHIN_TOLERANCE = 0, 1, 2  # exit status


def committed(path: str) -> bytes:
    """Return a file of the last commit. Raises PipelineError when there is none, or no repository."""
    git("rev-parse", "--git-dir", folder=PROJECT)
    try:
        return git("show", f"HEAD:./{path}", folder=PROJECT)
    except PipelineError:
        raise PipelineError(
            f"the last commit has no {path}: nothing to compare with; run `dvc repro` and commit"
        ) from None


def find_stale(locked: dict, folder: Path) -> list[str]:
    """Return the stages, parameters and files of `folder` that differ from those that dvc.lock was made with."""
    defined = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    values = params.parse((folder / PARAMS).read_text(encoding="utf-8"))
    found, outputs = set(defined) ^ set(locked["stages"]), lock.outputs(locked)
    for name, stage in locked["stages"].items():
        if name in defined and stage["cmd"] != defined[name]["cmd"]:
            found.add(name)
        sections = stage.get("params", {}).get(PARAMS.name, {})
        found |= {f"params.yaml: {key}" for key, value in sections.items() if values.get(key) != value}
        sources = {dep["path"]: lock.digest(dep) for dep in stage.get("deps", []) if dep["path"] not in outputs}
        found |= {path for path, digest in sources.items() if md5(folder / path) != digest}
    return sorted(found)


def md5(path: Path) -> str | None:
    """Return the MD5 of a file, or as DVC reckons it of a folder; None if there is neither."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return lock.digest({"files": [{"relpath": f.relative_to(path).as_posix(), "md5": md5(f)} for f in files]})
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() if path.is_file() else None


def table(expected: dict[str, str | None], found: dict[str, str | None]) -> list[str]:
    """Return a line for each output: its path, the committed hash, the hash here, whether they agree."""
    paths = [*expected, *(path for path in found if path not in expected)]
    width = max(map(len, paths))
    lines = [f"{'output':{width}}  {'committed':12}  {'here':12}  same"]
    for path in paths:
        old, new = (hashes.get(path) or "none" for hashes in (expected, found))
        lines.append(f"{path:{width}}  {old[:12]:12}  {new[:12]:12}  {'yes' if old == new else 'NO'}")
    return lines


def metric_differences(expected: dict, found: dict) -> dict[str, float]:
    """Return found minus expected of each metric that has a tolerance."""
    return {name: found[name] - expected[name] for name in TOLERANCE}


def largest_weight_difference(first: Path, second: Path) -> str:
    """Return the largest difference between the weights of two archives, if both exist and have the same shapes."""
    if not first.exists():
        return f"unknown, {first} is not here (`dvc pull` or `dvc repro`)"
    old, new = weights.load(first), weights.load(second)
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        return "unknown, the networks have other shapes"
    return f"{max(float(np.abs(old[name] - new[name]).max()) for name in old):.3g}"


def machine() -> dict:
    """Describe the CPU, the system and the libraries."""
    return {
        "cpu": hardware.describe_cpu(),
        "cores": hardware.cores(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def describe(found: dict) -> list[str]:
    """Return the machine, and what is promised there, in three lines."""
    reason = platform_support.unsupported_reason()
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    return [
        f"machine: {found['cores']} cores, {found['cpu']}, {found['architecture']}, {found['system']}",
        f"python {found['python']}, {libraries}",
        f"expected: {f'metrics within the tolerance ({reason})' if reason else 'the same bytes'}",
    ]


def make_statement(locked: bytes, found: dict[str, str | None], seconds: float, verdict: str) -> dict:
    """Return what verify.json holds: enough to see later who got which bytes of which commit."""
    commit, day = git("log", "-1", "--no-show-signature", "--format=%H %cs", folder=PROJECT).decode().split()
    return {
        **machine(),
        "commit": commit,
        "commit_date": day,
        "dvc_lock": hashlib.sha256(locked).hexdigest(),
        "outputs": found,
        "seconds": round(seconds),
        "verdict": verdict.split(":")[0],
    }


def judge(same: bool, differences: dict[str, float], unmet: str) -> tuple[int, str]:
    """Return the exit status and the verdict in one line; `unmet`: why the same bytes are not promised here, or ''."""
    if same:
        return IDENTICAL, "identical: every output has the committed bytes"
    outside = [name for name, difference in differences.items() if abs(difference) > TOLERANCE[name]]
    if outside:
        return DIFFERENT, f"different: {', '.join(outside)} outside the tolerance"
    why = f"which may be on {unmet}" if unmet else "although this machine should get the committed ones"
    return WITHIN_TOLERANCE, f"equal within the tolerance: other bytes, {why} (see docs/verification.md)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-lock", type=Path, metavar="FILE", help="where to put the dvc.lock of the run here")
    arguments = parser.parse_args()

    content, expected_metrics = committed("dvc.lock"), json.loads(committed(METRICS))
    locked = yaml.safe_load(content)
    with TemporaryDirectory(prefix="verify-") as scratch:
        folder = copies.copy(PROJECT, Path(scratch).resolve() / "project")
        if stale := find_stale(locked, folder):
            raise PipelineError(f"dvc.lock was not made with this {', '.join(stale)}; run `dvc repro` and commit")
        started = time.monotonic()
        copies.repro(folder, "--force", quiet=False)
        seconds = time.monotonic() - started
        expected, found = (lock.outputs(each) for each in (locked, yaml.safe_load((folder / "dvc.lock").read_text())))
        same = expected == found
        differences = metric_differences(expected_metrics, json.loads((folder / METRICS).read_text()))
        weight_difference = "0" if same else largest_weight_difference(PROJECT / MODEL, folder / MODEL)
        if arguments.keep_lock:
            shutil.copy(folder / "dvc.lock", arguments.keep_lock)

    status, verdict = judge(same, differences, platform_support.unsupported_reason())
    print("", *table(expected, found), "", sep="\n")
    if status != IDENTICAL:
        print(*(f"{name}: {value:+.6f} (tolerance {TOLERANCE[name]})" for name, value in differences.items()), sep="\n")
        print(f"largest weight difference: {weight_difference}")
    statement = make_statement(content, found, seconds, verdict)
    save_json(PROJECT / STATEMENT, statement)
    print(*describe(statement), f"{seconds:.0f} seconds from nothing; {STATEMENT} holds all of this", sep="\n")
    print("", f"verify: {verdict}", sep="\n")
    sys.exit(status)


if __name__ == "__main__":
    run(main)
