"""Each stage of dvc.yaml reads and writes what it declares, no less and no more.

Each stage runs in a folder with nothing but its declared dependencies and sections of params.yaml, and in another
user's environment. It must succeed, write exactly its declared outputs with the bytes of the pipeline, and use
everything that it declares. If it does not, a second run in the whole project lists all that is undeclared.
"""

import json
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


def sections_of(stage: dict, values: dict) -> set[str]:
    """The sections of params.yaml that a stage declares, as `train`, `train.epochs` or the whole file."""
    entries = stage.get("params", [])
    if any(isinstance(entry, dict) for entry in entries):
        return set(values)
    return {entry.partition(".")[0] for entry in entries}


def trace(stage: dict, folder: Path) -> tuple[str, dict]:
    """Run a stage in `folder`; return the last line of its errors if it fails, and what it used."""
    report, home = folder.parent / "trace.json", str(folder.parent)
    (folder.parent / "matplotlibrc").write_text("font.size: 20\n")
    command = ["python", str(PROJECT / "tests/trace_stage.py"), str(report), stage["cmd"].split()[1]]
    result = run(folder, *command, **ELSEWHERE, HOME=home, MPLCONFIGDIR=home)
    return result.stderr.splitlines()[-1] if result.returncode else "", json.loads(report.read_text())


def faults(stage: dict, finished: Path, folder: Path) -> tuple[list[str], dict]:
    """Run a stage alone in `folder`; return what is wrong with its declarations, and the trace of the run."""
    deps, outs = declared(stage, "deps"), declared(stage, "outs", "metrics", "plots")
    for dep in [*deps, *UNDECLARED]:
        source = finished / dep
        (folder / dep).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / dep, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / dep)
    values = yaml.safe_load((finished / "params.yaml").read_text())
    sections = sections_of(stage, values)
    (folder / "params.yaml").write_text(yaml.safe_dump({name: values[name] for name in sections}))
    before = files_under(folder)
    error, used = trace(stage, folder)
    if error:
        return undeclared(stage, sections, finished, folder.parent / "whole") or [f"fails: {error}"], {}
    written = {file for file in files_under(folder) - before if not file.startswith(".locks/")}
    found = [f"undeclared output {file}" for file in sorted(written) if not covers(outs, file)]
    found += [
        f"declared output {out} is not written" for out in sorted(outs) if not any(covers({out}, f) for f in written)
    ]
    inputs = deps - {CHECKED, "requirements.txt"}
    found += [f"unused dependency {dep}" for dep in sorted(inputs) if not any(covers({dep}, f) for f in used["opened"])]
    found += [f"unused params section {name}" for name in sorted(sections - set(used["sections"]))]
    return found, used


def undeclared(stage: dict, sections: set[str], finished: Path, whole: Path) -> list[str]:
    """Run a stage in a copy of the whole project; return all that it uses and does not declare."""
    shutil.copytree(finished, whole, ignore=shutil.ignore_patterns(".git", ".dvc", "__pycache__"))
    paths = declared(stage, "deps", "outs", "metrics", "plots") | {*UNDECLARED, "params.yaml"}
    _, used = trace(stage, whole)
    files = {f for f in used["opened"] if not covers(paths, f) and not f.startswith(".") and (whole / f).is_file()}
    rooms = {"/".join(f.split("/")[:2]) if f.startswith("stages/") else f for f in files}
    found = [f"undeclared dependency {path}" for path in sorted(rooms)]
    return found + [f"undeclared params section {name}" for name in sorted(set(used["sections"]) - sections)]


SLOW = ("train", "evaluate", "plot")
WITHOUT_TENSORFLOW = ("check", "download", "normalize", "eda", "plot", "report")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in STAGES])
def test_a_stage_alone_and_elsewhere_reads_and_writes_what_it_declares_and_the_same_bytes(name, finished, tmp_path):
    alone = tmp_path / "a folder with spaces"
    alone.mkdir()
    found, used = faults(STAGES[name], finished, alone)
    assert found == []
    outs = declared(STAGES[name], "outs", "metrics", "plots")
    written = [file for file in files_under(alone) if covers(outs, file)]
    assert [file for file in written if (alone / file).read_bytes() != (finished / file).read_bytes()] == []
    if name in WITHOUT_TENSORFLOW:
        assert not set(EXPENSIVE) & set(used["packages"])


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
HELPER = "def copy(source, target):\n    target.write_text(source.read_text())\n"


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


def test_all_undeclared_things_are_listed_at_once(tiny):
    assert faults_of_tiny(tiny, deps=["stages/tiny.py"], params=[]) == [
        "undeclared dependency data.txt",
        "undeclared dependency stages/helper.py",
        "undeclared params section normalize",
    ]


def test_unused_declarations_and_undeclared_outputs_are_caught(tiny):
    changes = {"deps": [*TINY["deps"], "stages/unused.py"], "params": [*TINY["params"], "train"], "outs": ["extra"]}
    assert faults_of_tiny(tiny, **changes) == [
        "undeclared output copies/data.txt",
        "declared output extra is not written",
        "unused dependency stages/unused.py",
        "unused params section train",
    ]
