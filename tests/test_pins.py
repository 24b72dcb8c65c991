import re
import shutil

import pytest

import pins
from fixtures import PROJECT, run


@pytest.fixture
def folder(tmp_path):
    for name in (f"requirements{kind}.{ending}" for kind in ("", "-cluster", "-dev") for ending in ("in", "txt")):
        shutil.copy(PROJECT / name, tmp_path / name)
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    return tmp_path


def test_the_lock_files_pin_what_the_requirements_name():
    assert pins.disagreements(PROJECT) == []
    assert {"numpy", "tensorflow", "dvc"} <= pins.pins((PROJECT / "requirements.txt").read_text()).keys()


@pytest.mark.parametrize("package", ["scipy", "keras", "ruamel-yaml-clib", "pytest", "moto"])
def test_a_lock_file_that_moved_alone_is_found(package, folder):
    changed = 0
    for name in ("requirements.txt", "requirements-dev.txt"):
        text, times = re.subn(rf"^{package}==\S+", f"{package}==0.1", (folder / name).read_text(), flags=re.MULTILINE)
        (folder / name).write_text(text)
        changed += times
    assert changed
    found = pins.disagreements(folder)
    assert found
    assert all(re.search(rf"\.in has {package} \d.*, requirements(-dev)?\.txt 0\.1$", line) for line in found)


def test_a_package_that_is_not_locked_at_all_is_found(folder):
    with (folder / "requirements/page.in").open("a") as file:
        file.write("new_package[extra]==1.0\n")
    assert pins.disagreements(folder)[0] == "requirements/page.in has new-package 1.0, requirements.txt none"


def test_the_command_is_silent_or_one_line():
    assert run(PROJECT, "python", "tools/pins.py").returncode == 0
