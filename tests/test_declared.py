"""What a stage declares in dvc.yaml is what it reads and writes, no less and no more.

Each stage runs in a folder that holds only its declared dependencies and sections of params.yaml. It must succeed,
write exactly its declared outputs, and use everything that was declared.
"""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT, run

STAGES = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
EXPENSIVE = ["tensorflow", "keras"]
CHECKED = "reports/params_checked"  # declared for the order alone: `check` runs before DVC deletes anything
UNDECLARED = [f"stages/common/{name}.py" for name in ("errors", "imports", "memory")]  # no output depends on them


def declared(stage: dict, *kinds: str) -> set[str]:
    """The paths of dvc.yaml, with or without properties."""
    entries = [entry for kind in kinds for entry in stage.get(kind, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def files_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def covers(paths: set[str], file: str) -> bool:
    return any(file == path or file.startswith(f"{path}/") for path in paths)


def faults(stage: dict, finished: Path, folder: Path) -> tuple[list[str], dict]:
    """Run a stage alone in `folder`; return what is wrong with its declarations, and the trace of the run."""
    deps, outs = declared(stage, "deps"), declared(stage, "outs", "metrics", "plots")
    for dep in [*deps, *UNDECLARED]:
        source = finished / dep
        (folder / dep).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / dep, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / dep)
    sections = set(stage["params"])
    values = yaml.safe_load((finished / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump({name: values[name] for name in sections}))
    before = files_under(folder)
    report, script = folder.parent / "trace.json", stage["cmd"].split()[1]
    result = run(folder, "python", str(PROJECT / "tests/trace_stage.py"), str(report), script)
    if result.returncode:
        return [f"fails with what is declared: {result.stderr.splitlines()[-1]}"], {}

    trace = json.loads(report.read_text())
    written = files_under(folder) - before
    found = [f"undeclared output {file}" for file in sorted(written) if not covers(outs, file)]
    found += [
        f"declared output {out} is not written" for out in sorted(outs) if not any(covers({out}, f) for f in written)
    ]
    inputs = {dep for dep in deps if not dep.startswith("requirements/") and dep != CHECKED}
    found += [
        f"unused dependency {dep}" for dep in sorted(inputs) if not any(covers({dep}, f) for f in trace["opened"])
    ]
    found += [f"unused params section {name}" for name in sorted(sections - set(trace["sections"]))]
    if script != "stages/download.py":  # the digests decide its bytes, whatever the version of a library
        found += requirement_faults(folder, deps, trace["opened"])
    return found, trace


def pinned(text: str) -> set[str]:
    """The packages of a requirements file by the name they are imported under."""
    modules = {"pillow": "PIL", "scikit-learn": "sklearn"}
    names = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
    return {modules.get(name, name) for name in names}


def requirement_faults(folder: Path, deps: set[str], opened: list[str]) -> list[str]:
    """The pins that a stage declares must be those of the packages that its own code imports, or be read by it."""
    imported: set[str] = set()
    for path in folder.joinpath("stages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    found = []
    for path in sorted((PROJECT / "requirements").glob("*.in")):
        name = f"requirements/{path.name}"
        used = name in opened or bool(pinned(path.read_text()) & imported)
        if used != (name in deps):
            found.append(f"{name} is {'used but not declared' if used else 'declared but not used'}")
    return found


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_and_writes_what_it_declares(name, finished, tmp_path):
    (tmp_path / "alone").mkdir()
    found, trace = faults(STAGES[name], finished, tmp_path / "alone")
    assert found == []
    uses_tensorflow = "stages/common/determinism.py" in declared(STAGES[name], "deps")
    assert [package in trace["packages"] for package in EXPENSIVE] == [uses_tensorflow] * 2


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("deps", "stages/common/dataset.py", "fails with what is declared: .*cannot import name 'dataset'"),
        ("deps", "data/raw/train-labels-idx1-ubyte", "fails with what is declared: normalize: .*labels.* is missing"),
        ("deps", "requirements/statistics.in", "requirements/statistics.in is used but not declared"),
        ("params", "dataset", "fails with what is declared: normalize: .*section `dataset` is missing"),
        ("outs", "data/normalized/test", "undeclared output data/normalized/test/images.npy"),
    ],
)
def test_an_undeclared_thing_is_caught(kind, entry, message, finished, tmp_path):
    stage = {**STAGES["normalize"]}
    stage[kind] = [e for e in stage[kind] if e != entry and not (isinstance(e, dict) and entry in e)]
    assert len(stage[kind]) < len(STAGES["normalize"][kind])
    (tmp_path / "alone").mkdir()
    assert re.match(message, faults(stage, finished, tmp_path / "alone")[0][0])


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("deps", "stages/drawing/figures.py", "unused dependency stages/drawing/figures.py"),
        ("deps", "models/model.keras", "unused dependency models/model.keras"),
        ("deps", "requirements/network.in", "requirements/network.in is declared but not used"),
        ("params", "train", "unused params section train"),
        ("outs", "data/normalized/extra", "declared output data/normalized/extra is not written"),
    ],
)
def test_a_declared_thing_that_is_not_used_is_caught(kind, entry, message, finished, tmp_path):
    stage = {**STAGES["normalize"], kind: [*STAGES["normalize"][kind], entry]}
    (tmp_path / "alone").mkdir()
    assert message in faults(stage, finished, tmp_path / "alone")[0]
