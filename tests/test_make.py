"""`make` on machines as people have them. A stand-in for pip installs a stand-in for DVC; all else is real."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pip._vendor.distlib
import pytest

import environment
from fixtures import PROJECT

REAL = Path(sys._base_executable)
PYTHON = f"""#!/bin/sh
case "$*" in
*"-m venv"*)
    "{REAL}" "$@" --without-pip || exit
    for packages in .venv/lib/python*/site-packages; do cp -R "$(dirname "$0")/pip" "$packages"; done ;;
*) exec "{REAL}" "$@" ;;
esac
"""
PIP = """
import json, os, sys
from pathlib import Path
from pip._vendor.distlib.scripts import ScriptMaker
project, packages = Path(sys.prefix).parent, Path(__file__).parents[1]
with open(project / "pip_calls", "a") as file:
    print(json.dumps([sys.argv[1:], dict(os.environ)]), file=file)
if (project / "pip_fails").exists():
    sys.exit("no network")
for name in ["dvc", "pytest"]:
    (packages / name).mkdir(exist_ok=True)
    (packages / name / "__init__.py").touch()
    (packages / name / "__main__.py").write_text(f'''
import os, shutil, sys
def main():
    print("{name}", *sys.argv[1:], "with", shutil.which("python"), os.environ.get("PYTHONPATH"))
if __name__ == "__main__":
    main()
''')
info = packages / "dvc-1.dist-info"
info.mkdir(exist_ok=True)
(info / "METADATA").write_text("Metadata-Version: 2.1\\nName: dvc\\nVersion: 1\\n")
(info / "entry_points.txt").write_text("[console_scripts]\\ndvc = dvc.__main__:main\\n")
maker = ScriptMaker(None, os.path.dirname(sys.executable))
maker.variants, maker.set_mode = {""}, True
maker.make("dvc = dvc.__main__:main")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """A Python whose environments have the stand-in for pip."""
    folder = tmp_path_factory.mktemp("python")
    distlib = Path(pip._vendor.distlib.__file__).parent
    shutil.copytree(distlib, folder / "pip/_vendor/distlib")
    for package in (folder / "pip", folder / "pip/_vendor"):
        (package / "__init__.py").touch()
    (folder / "pip/__main__.py").write_text(PIP)
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return folder / "python"


@pytest.fixture
def folder(tmp_path) -> Path:
    """What `make` needs, in a folder with a name that shells and `make` do not like."""
    folder = tmp_path / "an (ODD) #näme's"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "tools/environment.py", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def make(folder: Path, python: Path, *targets: str, **changes: str) -> subprocess.CompletedProcess:
    """Run `make` as in a fresh shell, without the environment of the tests."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **changes}
    command = ["make", f"PYTHON={python}", *targets]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def made(folder: Path, python: Path, *targets: str, **changes: str) -> str:
    result = make(folder, python, *targets, **changes)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip_calls(folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    path = folder / "pip_calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_make_installs_once_and_runs_dvc_on_its_own_python(folder, python):
    expected = f"dvc repro with {folder}/.venv/bin/python"
    assert expected in made(folder, python)
    assert expected in made(folder, python)
    unnamed = subprocess.run(["make"], cwd=folder, capture_output=True, text=True)  # with whatever Python there is
    assert expected in unnamed.stdout
    assert "pytest --numprocesses auto" in made(folder, python, "test")
    assert len(pip_calls(folder)) == 2
    with (folder / "requirements.txt").open("a") as file:
        file.write("# another\n")
    made(folder, python, "--jobs", "runtime", "development")
    assert len(pip_calls(folder)) == 3


def without_pip(venv: Path) -> None:
    subprocess.run([REAL, "-m", "venv", "--without-pip", venv], check=True)


def vanished(venv: Path) -> None:
    without_pip(venv)
    for path in venv.joinpath("bin").glob("python*"):
        path.unlink()
        path.symlink_to("/nowhere/python3.11")


def begun(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)


def broken(venv: Path) -> None:
    without_pip(venv)
    (venv / "bin/python").unlink()
    (venv / "bin/python").write_text("#!/bin/sh\necho 'no such library' >&2\nexit 127\n")
    (venv / "bin/python").chmod(0o755)


def upgraded(venv: Path) -> None:
    """The Python that .venv points to has become another one, which looks for its packages elsewhere."""
    without_pip(venv)
    (venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}").rename(venv / "lib/python3.9")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_pip, "it has no pip"),
        (vanished, "No such file or directory"),
        (begun, "No such file or directory"),
        (broken, "no such library"),
        (upgraded, "it has no pip"),
    ],
)
def test_an_environment_that_does_not_work_is_made_anew(spoil, reason, folder, python):
    spoil(folder / ".venv")
    printed = made(folder, python)
    assert re.search(f"making .venv anew: .*{reason}", printed)
    assert f"dvc repro with {folder}/.venv/bin/python" in printed


def test_what_make_has_not_made_is_left_alone(folder, python, tmp_path):
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text("of conda")
    result = make(folder, python)
    assert "was not made by `make`: move it away" in result.stderr
    (folder / ".venv").rename(tmp_path / "elsewhere")
    (folder / ".venv").symlink_to(tmp_path / "elsewhere")
    assert "was not made by `make`: move it away" in make(folder, python).stderr
    assert (tmp_path / "elsewhere/bin/python").read_text() == "of conda"


def test_a_failure_to_make_the_environment_does_not_poison_the_next_try(folder, python, tmp_path):
    failing = tmp_path / "failing"
    failing.write_text(f'#!/bin/sh\ncase "$*" in *"-m venv"*) "{python}" "$@"; exit 1 ;; esac\nexec "{python}" "$@"\n')
    failing.chmod(0o755)
    result = make(folder, failing)
    assert "apt install python3-venv" in result.stderr.splitlines()[-2]
    assert not (folder / ".venv").exists()
    assert "dvc repro" in made(folder, python)


def test_what_pip_did_not_finish_is_installed_again(folder, python):
    (folder / "pip_fails").touch()
    result = make(folder, python)
    assert "pip could not install requirements.txt" in result.stderr
    assert "dvc repro" not in result.stdout
    (folder / "pip_fails").unlink()
    made(folder, python)
    made(folder, python)
    assert ["--force-reinstall" in arguments for arguments, _ in pip_calls(folder)] == [True, True]


def test_a_folder_that_was_moved_or_copied_uses_its_own_packages(folder, python):
    made(folder, python)
    copy = Path(shutil.copytree(folder, folder.with_name("copy"), symlinks=True))
    moved = folder.rename(folder.with_name("moved"))
    for place in (copy, moved):
        expected = f"with {place}/.venv/bin/python"
        assert expected in made(place, python)
        activate = 'case "$0" in *) . .venv/bin/activate && dvc status ;; esac'
        printed = subprocess.run(["bash", "-c", activate], cwd=place, capture_output=True, text=True)
        assert f"dvc status {expected}" in printed.stdout, printed.stderr
    assert len(pip_calls(copy)) == 1


def test_an_environment_of_two_projects_outlives_the_one_that_links_to_it(folder, python):
    made(folder, python)
    second = Path(shutil.copytree(folder, folder.with_name("second"), ignore=shutil.ignore_patterns(".venv")))
    (second / ".venv").symlink_to(folder / ".venv")
    with (second / "requirements.txt").open("a") as file:
        file.write("# another\n")
    made(second, python)
    assert len(pip_calls(folder)) == 2
    shutil.rmtree(second)
    printed = subprocess.run([folder / ".venv/bin/dvc", "status"], capture_output=True, text=True)
    assert printed.stdout.startswith("dvc status with"), printed.stderr


def test_a_dollar_in_the_path_is_refused_because_a_package_could_not_be_built(folder, python):
    other = folder.rename(folder.with_name("a$b"))
    assert f"rename {other}" in make(other, python).stderr
    assert not (other / ".venv").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"PIP_USER": "1"},
        {"PIP_TARGET": "/tmp/nowhere", "PIP_PREFIX": "/tmp/nowhere", "PIP_DRY_RUN": "1"},
        {"PIP_CONSTRAINT": "/nowhere", "PIP_PYTHON": "/nowhere"},
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONHOME": "/nowhere"},
        {"PYTHONPATH": "foreign", "PYTHONSTARTUP": "/nowhere", "PYTHONNOUSERSITE": ""},
        {"VIRTUAL_ENV": "/nowhere", "CONDA_PREFIX": "/nowhere"},
    ],
    ids=lambda settings: "+".join(settings),
)
def test_the_users_settings_do_not_send_packages_elsewhere(settings, folder, python):
    (folder / "foreign").mkdir()
    for name in ("hashlib.py", "dvc.py", "pip.py"):
        (folder / "foreign" / name).write_text("raise SystemExit('foreign')")
    printed = made(folder, python, **settings, PIP_INDEX_URL="https://packages.example.org")
    assert f"dvc repro with {folder}/.venv/bin/python None" in printed
    ((arguments, environment),) = pip_calls(folder)
    assert {"--no-user", "--target="} <= set(arguments)  # a pip.conf can say it, too
    assert not {name for name in environment if name.startswith(("PIP_", "PYTHON"))} - {"PIP_INDEX_URL"}
    assert environment["PIP_INDEX_URL"] == "https://packages.example.org"


def test_a_second_make_waits_for_the_first(folder, python):
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    command = ["make", f"PYTHON={python}"]
    # What a `make` around the tests leaves to its children makes this one print more.
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    with subprocess.Popen(command, cwd=folder, env=mine, stdout=subprocess.PIPE, text=True) as second:
        assert "waiting for another `make`" in second.stdout.readline()
        assert not (folder / ".venv").exists()
        os.close(lock)
        assert "dvc repro" in second.stdout.read()


def test_a_dry_run_shows_the_commands_and_none_of_them_is_looked_up_in_the_environment(folder, python):
    """The make of macOS looks it up in the PATH that it was started with, not in the one that the Makefile exports."""
    printed = made(folder, python, "--dry-run", "all", "test", "verify", "bench", "lint", "lock")
    commands = [line.split()[0] for line in printed.splitlines()]
    assert len(commands) > 8
    assert set(commands) <= {f'"{python}"', ".venv/bin/python", "for", "echo"}
    assert not (folder / ".venv").exists()


def test_a_python_named_by_the_user_takes_the_place_of_another(monkeypatch):
    checked = subprocess.CompletedProcess([], 0, "/usr/another\n", "")
    monkeypatch.setattr(environment, "run", lambda *_, **__: checked)
    monkeypatch.delenv("PYTHON", raising=False)
    assert environment.fault() == ""
    monkeypatch.setenv("PYTHON", "python3.13")
    assert environment.fault() == "it has another Python than PYTHON=python3.13"
    checked.stdout = os.path.realpath(sys.base_prefix)
    assert environment.fault() == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version_info": (3, 10, 13)}, "TensorFlow needs CPython 3.11 to 3.13, found"),
        ({"version_info": (3, 14, 0)}, "`uv python install 3.13`"),
        ({"Py_GIL_DISABLED": 1}, "without a GIL"),
        ({"platform": "darwin", "machine": "x86_64"}, "Intel Macs any more"),
        ({"glibc": "musl"}, "has no packages for musl"),
        ({"glibc": "glibc 2.26"}, "need glibc 2.27, found 2.26: use a newer system"),
        ({"machine": "armv7l"}, "of 64 bits for x86-64 or ARM, found .* for armv7l"),
        ({"maxsize": 2**31 - 1}, "of 64 bits"),
        ({"machine": "aarch64", "glibc": "glibc 2.27"}, "^$"),
        ({"platform": "darwin", "machine": "arm64"}, "^$"),
        ({"platform": "win32", "machine": "AMD64"}, "^$"),
    ],
    ids=str,
)
def test_a_machine_without_packages_is_told_so_before_pip_tries(changes, message, monkeypatch):
    changes = {"version_info": (3, 12, 1), "platform": "linux", "machine": "x86_64", "glibc": "glibc 2.41"} | changes
    machine, glibc, gil = (changes.pop(name, None) for name in ("machine", "glibc", "Py_GIL_DISABLED"))
    for name, value in changes.items():
        monkeypatch.setattr(sys, name, value)
    monkeypatch.setattr(environment.platform, "machine", lambda: machine)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: gil)
    monkeypatch.setattr(os, "confstr", lambda name: glibc)
    monkeypatch.setattr(environment, "starts", lambda name: False)
    found = environment.unsupported()
    assert re.search(message, found)
    assert "\n" not in found
