"""Does this machine get the committed bytes? Run the pipeline from nothing in a temporary copy and compare.

Usage: python tools/verify.py [--keep-lock FILE]

Compares every output with the dvc.lock of the last commit and prints a table, what differs and by how much, and the
machine. Exit status 0: identical; 2: not the same bytes, but the metrics are within the tolerance; 1: different.
"""

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

import running.stages_on_path  # noqa: F401
from common import weights
from common.errors import PipelineError, run
from common.params import PATH as PARAMS
from common.params import Loader
from running import copies, hardware

PROJECT = Path(__file__).parents[1]
METRICS = "reports/evaluate/metrics.json"
MODEL = Path("models/model.keras")
LIBRARIES = ["tensorflow", "keras", "numpy", "h5py", "scipy", "scikit-learn", "matplotlib", "seaborn", "pillow", "dvc"]
# Another CPU rounds otherwise and so trains another network, as another seed does; the widest range of ten seeds was
# about a quarter of a point.
TOLERANCE = {"accuracy": 0.003, "loss": 0.01}
IDENTICAL, DIFFERENT, WITHIN_TOLERANCE = 0, 1, 2  # exit status


def committed(path: str) -> bytes:
    """Return a file of the last commit. Raises PipelineError when there is none."""
    result = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=PROJECT, capture_output=True)
    if result.returncode:
        raise PipelineError(f"the last commit has no {path}: nothing to compare with; run `dvc repro` and commit")
    return result.stdout


def hashes(lock: dict) -> dict[str, str]:
    """Return the hash of each output in a dvc.lock."""
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def find_stale(lock: dict, folder: Path) -> list[str]:
    """Name the stages, parameters and files of `folder` that are not those which dvc.lock was made with."""
    defined = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    values = yaml.load((folder / PARAMS).read_text(encoding="utf-8"), Loader)
    found, outputs = set(defined) ^ set(lock["stages"]), hashes(lock)
    for name, stage in lock["stages"].items():
        if name in defined and stage["cmd"] != defined[name]["cmd"]:
            found.add(name)
        sections = stage.get("params", {}).get(PARAMS.name, {})
        found |= {f"params.yaml: {key}" for key, value in sections.items() if values.get(key) != value}
        sources = {dep["path"]: dep["md5"] for dep in stage.get("deps", []) if dep["path"] not in outputs}
        found |= {path for path, expected in sources.items() if md5(folder / path) != expected}
    return sorted(found)


def md5(path: Path) -> str | None:
    """Return the hash that DVC gives to a file, or to a folder by the hashes of its files; None where there is none."""
    if path.is_dir():
        files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        entries = [{"md5": md5(path / name), "relpath": name} for name in files]
        return f"{digest(json.dumps(entries).encode())}.dir"
    return digest(path.read_bytes()) if path.is_file() else None


def digest(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def table(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return a line for each output: its path, the committed hash, the hash here, whether they agree."""
    paths = [*expected, *(path for path in found if path not in expected)]
    width = max(map(len, paths))
    lines = [f"{'output':{width}}  {'committed':12}  {'here':12}  same"]
    for path in paths:
        old, new = expected.get(path, "none"), found.get(path, "none")
        lines.append(f"{path:{width}}  {old[:12]:12}  {new[:12]:12}  {'yes' if old == new else 'NO'}")
    return lines


def metric_differences(expected: dict, found: dict) -> dict[str, float]:
    """Return found minus expected of each metric that has a tolerance."""
    return {name: found[name] - expected[name] for name in TOLERANCE}


def largest_weight_difference(first: Path, second: Path) -> str:
    """Say how far the weights of two archives are apart, if both are there and of the same shape."""
    if not first.exists():
        return f"unknown, {first} is not here (`dvc pull` or `dvc repro`)"
    old, new = weights.load(first), weights.load(second)
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        return "unknown, the networks have other shapes"
    return f"{max(float(np.abs(old[name] - new[name]).max()) for name in old):.3g}"


def machine() -> list[str]:
    """Describe the CPU, the system and the libraries."""
    return [
        f"machine: {hardware.describe()}, {platform.machine()}, {platform.system()}",
        f"python {platform.python_version()}, " + ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES),
    ]


def judge(same: bool, differences: dict[str, float]) -> tuple[int, str]:
    """Return the exit status and the verdict in one line."""
    if same:
        return IDENTICAL, "identical: every output has the committed bytes"
    outside = [name for name, difference in differences.items() if abs(difference) > TOLERANCE[name]]
    if not outside:
        return (
            WITHIN_TOLERANCE,
            "equal within the tolerance: other bytes, but the metrics agree (see the README, The same bytes)",
        )
    return DIFFERENT, f"different: {', '.join(outside)} outside the tolerance"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-lock", type=Path, metavar="FILE", help="where to put the dvc.lock of the run here")
    arguments = parser.parse_args()

    lock, expected_metrics = yaml.safe_load(committed("dvc.lock")), json.loads(committed(METRICS))
    with TemporaryDirectory(prefix="verify-") as scratch:
        folder = copies.copy(PROJECT, Path(scratch).resolve() / "project")
        if stale := find_stale(lock, folder):
            raise PipelineError(f"dvc.lock was not made with this {', '.join(stale)}; run `dvc repro` and commit")
        copies.repro(folder, "--force", quiet=False)
        expected, found = hashes(lock), hashes(yaml.safe_load((folder / "dvc.lock").read_text()))
        differences = metric_differences(expected_metrics, json.loads((folder / METRICS).read_text()))
        weight_difference = largest_weight_difference(PROJECT / MODEL, folder / MODEL)
        if arguments.keep_lock:
            shutil.copy(folder / "dvc.lock", arguments.keep_lock)

    status, verdict = judge(expected == found, differences)
    print("", *table(expected, found), "", sep="\n")
    if status != IDENTICAL:
        print(*(f"{name}: {value:+.6f} (tolerance {TOLERANCE[name]})" for name, value in differences.items()), sep="\n")
        print(f"largest weight difference: {weight_difference}")
    print(*machine(), "", f"verify: {verdict}", sep="\n")
    sys.exit(status)


if __name__ == "__main__":
    run(main)
