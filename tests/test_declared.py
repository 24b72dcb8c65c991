"""What a stage declares in dvc.yaml is what it reads and writes, no less and no more.

Each stage runs in a folder that holds only its declared dependencies and sections of params.yaml, and in the
environment of somebody else. It must succeed, write exactly its declared outputs, with the bytes of the pipeline, and
use everything that was declared.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from fixtures import PROJECT, run

STAGES = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
EXPENSIVE = ["tensorflow", "keras"]
# With another home, the parent of the folder, which has other settings of Matplotlib.
ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "PYTHONHASHSEED": "7",
}
CHECKED = "reports/params_checked"  # declared for the order alone: `check` runs before DVC deletes anything
UNDECLARED = ["stages/common"]


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
    home = str(folder.parent)
    (folder.parent / "matplotlibrc").write_text("font.size: 20\n")
    command = ["python", str(PROJECT / "tests/trace_stage.py"), str(report), script]
    result = run(folder, *command, **ELSEWHERE, HOME=home, MPLCONFIGDIR=home)
    if result.returncode:
        return [f"fails with what is declared: {result.stderr.splitlines()[-1]}"], {}

    trace = json.loads(report.read_text())
    written = {file for file in files_under(folder) - before if not file.startswith(".locks/")}
    found = [f"undeclared output {file}" for file in sorted(written) if not covers(outs, file)]
    found += [
        f"declared output {out} is not written" for out in sorted(outs) if not any(covers({out}, f) for f in written)
    ]
    inputs = deps - {CHECKED, "requirements.txt"}
    found += [
        f"unused dependency {dep}" for dep in sorted(inputs) if not any(covers({dep}, f) for f in trace["opened"])
    ]
    found += [f"unused params section {name}" for name in sorted(sections - set(trace["sections"]))]
    return found, trace


SLOW = ("train", "evaluate", "plot")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in STAGES])
def test_a_stage_alone_and_elsewhere_reads_and_writes_what_it_declares_and_the_same_bytes(name, finished, tmp_path):
    alone = tmp_path / "a folder with spaces"
    alone.mkdir()
    found, trace = faults(STAGES[name], finished, alone)
    assert found == []
    outs = declared(STAGES[name], "outs", "metrics", "plots")
    different = [f for f in files_under(alone) if (alone / f).read_bytes() != (finished / f).read_bytes()]
    assert [file for file in different if covers(outs, file)] == []
    uses_tensorflow = name in ("train", "evaluate")
    assert [package in trace["packages"] for package in EXPENSIVE] == [uses_tensorflow] * 2


# A stage of a few lines stands for the real ones in the tests of the tests: nothing is slow or large in it.
TINY = {
    "cmd": "python stages/tiny.py",
    "deps": ["data.txt", "stages/helper.py", "stages/tiny.py"],
    "params": ["normalize"],
    "outs": ["copies"],
}
SCRIPT = """
from pathlib import Path
import helper
from common import params
from common.params import Normalize
params.load(Normalize)
Path("copies").mkdir(exist_ok=True)
helper.copy(Path("data.txt"), Path("copies/data.txt"))
"""
HELPER = "def copy(source, target):\n    target.write_text(source.read_text())\n    import numpy\n"


@pytest.fixture
def tiny(tmp_path) -> Path:
    """A project with that stage alone, and room for it to run alone in the folder `alone` beside it."""
    folder = tmp_path / "tiny"
    (folder / "stages").mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", folder)
    shutil.copytree(PROJECT / "stages/common", folder / "stages/common")
    texts = {"data.txt": "data\n", "stages/tiny.py": SCRIPT, "stages/helper.py": HELPER, "stages/unused.py": ""}
    for name, text in texts.items():
        (folder / name).write_text(text)
    (tmp_path / "alone").mkdir()
    return folder


def faults_of_tiny(tiny: Path, **changes: list[str]) -> list[str]:
    stage = {**TINY, **changes}
    return faults(stage, tiny, tiny.parent / "alone")[0]


def test_a_stage_that_declares_what_it_does_has_no_faults(tiny):
    assert faults_of_tiny(tiny) == []


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("deps", "stages/helper.py", "fails with what is declared: .*No module named 'helper'"),
        ("deps", "data.txt", "fails with what is declared: .*No such file or directory: 'data.txt'"),
        ("params", "normalize", "fails with what is declared: .*section `normalize` is missing"),
        ("outs", "copies", "undeclared output copies/data.txt"),
    ],
)
def test_an_undeclared_thing_is_caught(kind, entry, message, tiny):
    (fault,) = faults_of_tiny(tiny, **{kind: [e for e in TINY[kind] if e != entry]})
    assert re.match(message, fault)


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("deps", "stages/unused.py", "unused dependency stages/unused.py"),
        ("params", "train", "unused params section train"),
        ("outs", "extra", "declared output extra is not written"),
    ],
)
def test_a_declared_thing_that_is_not_used_is_caught(kind, entry, message, tiny):
    assert faults_of_tiny(tiny, **{kind: [*TINY[kind], entry]}) == [message]
