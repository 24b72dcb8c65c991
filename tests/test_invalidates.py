"""Which stages run again after a change, for each file of code, pinned requirement and section of params.yaml."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from conftest import PROJECT, succeed

# The stages that a file, or the files of a folder, concern. The scripts and stages/parameters follow rules: `expected`.
CONCERNS = {
    "requirements/figures.in": "eda reader plot report card",
    "requirements/network.in": "train reader evaluate report card",
    "requirements/numpy.in": "normalize eda train reader evaluate plot report card",
    "requirements/page.in": "report card",
    "requirements/statistics.in": "normalize evaluate plot card",
    "stages/common/arithmetic.py": "train reader evaluate",
    "stages/common/dataset.py": "normalize eda train reader evaluate plot report",
    "stages/common/determinism.py": "train reader evaluate",
    "stages/common/errors.py": "",
    "stages/common/files.py": "check normalize eda train reader evaluate plot report card",
    "stages/common/imports.py": "",
    "stages/common/interrupts.py": "",
    "stages/common/lock.py": "",
    "stages/common/memory.py": "",
    "stages/common/model.py": "train reader evaluate",
    "stages/common/params.py": "check download normalize eda train reader evaluate plot report card",
    "stages/common/promise.py": "",
    "stages/common/reader.py": "reader report card",
    "stages/common/robustness.py": "evaluate plot",
    "stages/common/tables.py": "evaluate plot report card",
    "stages/common/weights.py": "report",
    "stages/common/wilson.py": "evaluate plot card",
    "stages/drawing": "plot",
    "stages/drawing/figures.py": "eda plot",
    "stages/drawing/fonts.py": "eda plot",
    "stages/drawing/samples.py": "eda plot",
    "stages/evaluation": "evaluate",
    "stages/ink": "reader",
    "stages/page/model_card.md": "card",
    "stages/page/templates.py": "report card",
    "stages/page/web": "report",
    "stages/parameters/every.py": "check",
    "stages/parameters/model.py": "check train reader report card",
    "stages/parameters/train.py": "check train reader plot report card",
    "stages/sources": "download",
    "stages/train.py": "train reader",
    "stages/training": "train reader",
    "stages/training/augmentation.py": "train reader plot",
    "stages/training/pens.py": "train reader plot",
    "stages/training/sampling.py": "train reader plot",
}
SECTIONS = {
    "about": "check eda plot report card",
    "dataset": "check normalize eda train reader evaluate plot report",
    "download": "check download",
    "eda": "check eda",
    "evaluate": "check evaluate plot report card",
    "figures": "check eda plot",
    "model": "check train report card",
    "normalize": "check normalize report card",
    "plot": "check plot report",
    "reader": "check reader card",
    "train": "check train plot report card",
}
FILES = subprocess.run(
    ["git", "ls-files", "stages", "requirements"], cwd=PROJECT, capture_output=True, text=True, check=True
).stdout.split()


def expected(file: str) -> set[str]:
    """The stages that a change of this file invalidates."""
    if file in CONCERNS:
        return set(CONCERNS[file].split())
    if script := re.fullmatch(r"stages/(\w+)\.py", file):
        return {script[1]}
    if (section := re.fullmatch(r"stages/parameters/(\w+)\.py", file)) and section[1] in SECTIONS:
        return set(SECTIONS[section[1]].split()) | {"check"}
    entries = [entry for entry in CONCERNS if file == entry or file.startswith(f"{entry}/")]
    assert entries, f"{file} is not in the table: say which stages a change of it concerns"
    return set(CONCERNS[max(entries, key=len)].split())


@pytest.fixture(scope="module")
def invalidated(finished, tmp_path_factory) -> dict[str, set[str]]:
    """The stages that DVC would run again for each declared file, folder and section, after a change to all of them."""
    project = shutil.copytree(finished, tmp_path_factory.mktemp("invalidated") / "project", symlinks=True)
    for file in [*FILES, "requirements.in", "requirements.txt", "requirements-dev.in"]:
        with (project / file).open("a") as opened:
            opened.write("\n")
    params = project / "params.yaml"
    params.write_text(re.sub(r"^(\w+):\n", r"\1:\n  added: 1\n", params.read_text(), flags=re.MULTILINE))
    found: dict[str, set[str]] = {}
    for stage, entries in json.loads(succeed(project, "dvc", "status", "--json")).items():
        (changes,) = (entry["changed deps"] for entry in entries)
        for name in [*changes.pop("params.yaml"), *changes]:
            found.setdefault(name, set()).add(stage)
    return found


def test_the_versions_of_what_no_stage_uses_concern_no_stage(invalidated):
    assert not [name for name in invalidated if name.startswith("requirements") and name not in CONCERNS]


@pytest.mark.parametrize("file", FILES)
def test_a_changed_file_concerns_the_stages_that_use_it(file, invalidated):
    found = [stages for name, stages in invalidated.items() if file == name or file.startswith(f"{name}/")]
    assert set().union(*found) == expected(file)


def test_a_changed_section_concerns_the_stages_that_use_it(invalidated):
    found = {name: stages for name, stages in invalidated.items() if "/" not in name}
    assert found == {name: set(stages.split()) for name, stages in SECTIONS.items()}
    assert found.keys() == yaml.safe_load((PROJECT / "params.yaml").read_text()).keys()
