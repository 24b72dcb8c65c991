"""`make` and tools/environment.py on machines as people have them. Nothing is downloaded: pip and uv are stand-ins."""

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import environment
from fixtures import PROJECT

SHOW = """#!/bin/sh
echo "$@" with "$(command -v python3)" SHELL="$SHELL" LOGNAME="$LOGNAME"
env | grep -E '^(PYTHON|BASH_ENV)' || true
"""
UV = """#!/bin/sh
for packages in .venv/lib/python*/site-packages; do
    mkdir -p "$packages/dvc"
    echo "import shutil; print('dvc with', shutil.which('python'))" > "$packages/dvc/__main__.py"
done
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path) -> Path:
    """The files that `make` needs, in a folder whose name is hard on shells and on `make`."""
    folder = tmp_path / "an (ODD) #näme's"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "tools/environment.py", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def make(folder: Path, *targets: str, **changes: str) -> subprocess.CompletedProcess:
    """Run `make` as in a fresh shell, without the environment of the tests."""
    python = Path(sys._base_executable).parent
    variables = {"PATH": f"{folder.parent}/bin:{python}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **changes}
    return subprocess.run(["make", *targets], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.mark.slow  # makes a real environment
def test_make_in_a_fresh_clone_runs_dvc_on_a_python_of_its_own_also_after_a_move(folder):
    executable(folder.parent / "bin/uv", UV)
    moved = folder.with_name("moved")
    for place in (folder, moved):
        result = make(place)
        assert f"dvc with {place}/.venv/bin/python" in result.stdout, result.stderr
        activated = ["bash", "-c", 'cd / && . "$0/.venv/bin/activate" && command -v python', str(place)]
        assert subprocess.run(activated, capture_output=True, text=True).stdout == f"{place}/.venv/bin/python\n"
        if place == folder:
            folder.rename(moved)


def shown(folder: Path, *targets: str, **changes: str) -> str:
    """Run `make` with a .venv and a tools/environment.py that show how they are called."""
    executable(folder / ".venv/bin/python", SHOW)
    shutil.copy(folder / ".venv/bin/python", folder / ".venv/bin/python3")
    (folder / "tools/environment.py").write_text("import sys; print('set up', *sys.argv[1:], 'on', sys.executable)")
    result = make(folder, *targets, **changes)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_make_sets_up_on_another_python_than_that_of_the_environment_and_clears_what_would_change_stages(folder):
    harmful = dict.fromkeys(("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONOPTIMIZE", "PYTHONINSPECT", "BASH_ENV"), "1")
    printed = shown(folder, **harmful, SHELL="/bin/false")
    assert f"on {folder}" not in printed
    assert f"-m dvc repro with {folder}/.venv/bin/python3" in printed
    assert "SHELL=/bin/sh" in printed
    assert not re.search(r"^(PYTHON|BASH_ENV)", printed, re.MULTILINE)
    assert re.search(r"LOGNAME=\S+", printed), "a user without a name has one for DVC"
    assert "LOGNAME=\n" in shown(folder, USER="me")


def test_only_a_python_on_the_command_line_replaces_another(folder):
    python = str(Path(sys._base_executable))
    assert "set up runtime on" in shown(folder, PYTHON=python)
    assert "set up runtime rebuild on" in shown(folder, f"PYTHON={python}")


def test_a_program_other_than_python_is_one_line(folder):
    result = make(folder, PYTHON="/bin/false")
    assert result.returncode
    assert re.search(r"^PYTHON=/bin/false does not start a Python 3: unset it, or .*\n.*Error 1\n$", result.stderr)
    assert not (folder / ".venv").exists()


def test_a_dry_run_shows_commands_that_need_no_path(folder):
    """The make of macOS looks commands up in the PATH that it was started with, not in the one that it exports."""
    printed = make(folder, "--dry-run", "all", "test", "verify", "bench", "lint", "lock").stdout
    commands = [line.split()[0] for line in printed.splitlines()]
    assert len(commands) > 8
    assert set(commands) <= {'"python3"', ".venv/bin/python", "echo"}
    assert not (folder / ".venv").exists()


class Machine:
    """Starts Python and a venv without pip for tools/environment.py, and records the commands for pip and uv."""

    def __init__(self):
        self.calls: list[list[str]] = []
        self.settings: dict[str, str] = {}
        self.config = ""
        self.fails: set[str] = set()
        self.really = environment.run

    def run(self, command, quiet=False, **settings):
        command = [str(part) for part in command]
        if command[-3:] == ["pip", "config", "list"]:
            return subprocess.CompletedProcess(command, 0, self.config, "")
        if command[2:4] == ["-m", "venv"]:
            venv.create(environment.VENV, symlinks=True)
            return subprocess.CompletedProcess(command, int("venv" in self.fails))
        if command[1] == "pip" or command[3] == "pip":
            name = "uv" if command[1] == "pip" else "pip"
            self.calls.append([name, *command])
            self.settings = settings
            if command[-1].endswith("uv.txt"):
                (environment.VENV / "bin/uv").touch()
            return subprocess.CompletedProcess(command, int(name in self.fails))
        return self.really(command, quiet, **settings)

    def asked(self) -> list[tuple[str, str]]:
        """Return the installer and the requirements of each call since the last look."""
        found = [(call[0], Path(call[-1]).name) for call in self.calls]
        self.calls.clear()
        return found


@pytest.fixture
def machine(folder, monkeypatch) -> Machine:
    """tools/environment.py in `folder`, where uv is on the PATH."""
    machine = Machine()
    monkeypatch.setattr(environment, "run", machine.run)
    monkeypatch.setattr(environment, "PROJECT", folder)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(fcntl, "flock", lambda folder, how: None)  # held until the process ends
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    return machine


def test_packages_are_installed_once_and_again_when_the_lock_has_changed(machine, folder):
    environment.main()
    (folder / ".venv/mine").touch()
    environment.main()
    assert machine.asked() == [("uv", "requirements.txt")]
    environment.main("development")
    environment.main("runtime")
    assert machine.asked() == [("uv", "requirements-dev.txt")], "the runtime keeps the packages of tests"
    with (folder / "requirements-dev.txt").open("a") as file:
        file.write("# another\n")
    environment.main("runtime")
    assert machine.asked() == [("uv", "requirements-dev.txt")]
    assert (folder / ".venv/mine").exists()


def test_pip_fetches_the_locked_uv_if_there_is_none_on_the_path(machine, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    environment.main()
    environment.main("development")
    assert machine.asked() == [("pip", "uv.txt"), ("uv", "requirements.txt"), ("uv", "requirements-dev.txt")]
    pinned = (environment.VENV / "uv.txt").read_text()
    assert re.fullmatch(r"uv==\S+ \\\n( +--hash=sha256:\w{64} \\\n)+ +--hash=sha256:\w{64}", pinned)


def test_pip_installs_where_uv_fails_and_make_says_so(machine, capsys):
    machine.fails = {"uv"}
    environment.main()
    environment.main()
    assert machine.asked() == [("uv", "requirements.txt"), ("pip", "requirements.txt")]
    assert capsys.readouterr().out.count("uv could not install them (see above); pip tries") == 1


def test_an_interrupted_installation_starts_again(machine, folder):
    neither = "neither uv nor pip could install requirements.txt"
    for machine.fails, message in [({"venv"}, "apt install python3-venv"), ({"uv", "pip"}, neither)]:
        with pytest.raises(SystemExit, match=message):
            environment.main()
    machine.fails = set()
    environment.main()
    assert not (folder / ".venv.old").exists()
    assert machine.asked()[-1] == ("uv", "requirements.txt")


@pytest.mark.parametrize(
    "spoil",
    [
        "{python} -m venv --without-pip .venv",  # and no packages
        "mkdir -p .venv/bin; ln -s /nowhere/python3.11 .venv/bin/python",
        "mkdir elsewhere; ln -s elsewhere .venv",
        "echo mine >.venv",
    ],
)
def test_an_environment_that_make_did_not_make_is_renamed_and_loses_nothing(spoil, machine, folder, capsys):
    subprocess.run(spoil.format(python=sys._base_executable), shell=True, check=True)
    before = [(path.name, path.is_symlink()) for path in sorted((folder / ".venv").rglob("*"))]
    environment.main()
    assert re.match(r"environment: making a new .venv \(it.*\); the old one is .venv.old now", capsys.readouterr().out)
    assert [(path.name, path.is_symlink()) for path in sorted((folder / ".venv.old").rglob("*"))] == before
    assert machine.asked() == [("uv", "requirements.txt")]
    (folder / ".venv/location").unlink()
    with pytest.raises(SystemExit, match="move it away, or remove .venv.old$"):
        environment.main()


def test_a_python_that_was_replaced_or_is_given_on_the_command_line_gets_another_environment(
    machine, folder, monkeypatch, capsys
):
    environment.main()
    environment.main("runtime", "rebuild")
    monkeypatch.setattr(environment, "MINE", "3 13 /another")
    environment.main()
    assert len(machine.asked()) == 1
    for arguments in (["runtime", "rebuild"], []):  # the first notes the other Python, unlike that of .venv
        environment.main(*arguments)
        assert "rebuilding .venv: its Python is another one" in capsys.readouterr().out
        assert not (folder / ".venv.old").exists()


def test_a_link_to_another_environment_is_used_but_nothing_is_installed_through_it(machine, folder):
    environment.main()
    (folder / ".venv").rename(folder / "shared")
    (folder / ".venv").symlink_to("shared")
    stamp = (folder / "shared/location").read_text().replace(".venv", "shared")
    (folder / "shared/location").write_text(stamp)
    environment.main()
    assert machine.asked() == [("uv", "requirements.txt")]
    with pytest.raises(SystemExit, match="without the packages of requirements-dev.txt: run `make` there"):
        environment.main("development")
    assert machine.asked() == []


def test_uv_and_pip_get_the_users_sources_of_packages(machine, folder, monkeypatch):
    machine.config = """
:env:.find-links='ignored: the environment has it'
global.cert='/etc/certificates.pem'
global.extra-index-url='\\nhttps://a.example.org\\nhttps://b.example.org'
global.index-url='https://global.example.org'
global.target='/nowhere'
install.index-url="https://user:it's@example.org"
install.no-index='true'
"""
    monkeypatch.setenv("PIP_FIND_LINKS", f"{folder.parent} /nowhere https://links.example.org")
    monkeypatch.setenv("PIP_PREFIX", "/nowhere")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "example.org")
    monkeypatch.setenv("UV_INSECURE_HOST", "mine.example.org")
    monkeypatch.setenv("UV_CACHE_DIR", "/cache")
    monkeypatch.setenv("UV_CONSTRAINT", "/nowhere")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    environment.main()
    assert "--no-index" in machine.calls[0]
    assert machine.settings == {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_INDEX_URL": "https://user:it's@example.org",
        "PIP_EXTRA_INDEX_URL": "https://a.example.org https://b.example.org",
        "PIP_FIND_LINKS": f"{folder.parent} /nowhere https://links.example.org",
        "PIP_NO_INDEX": "true",
        "PIP_CERT": "/etc/certificates.pem",
        "PIP_TRUSTED_HOST": "example.org",
        "UV_DEFAULT_INDEX": "https://user:it's@example.org",
        "UV_INDEX": "https://a.example.org https://b.example.org",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{folder.parent},https://links.example.org",
        "NO_INDEX": "true",
        "SSL_CERT_FILE": "/etc/certificates.pem",
        "UV_INSECURE_HOST": "mine.example.org",
        "UV_CACHE_DIR": "/cache",
    }


def test_other_settings_of_python_pip_and_uv_do_not_reach_them(monkeypatch):
    for name in ("PYTHONPATH", "PIP_TARGET", "UV_SYSTEM_PYTHON"):
        monkeypatch.setenv(name, "/nowhere")
    seen = environment.run(["env"], quiet=True, PIP_CERT="mine").stdout
    assert re.findall("^(?:PYTHON|PIP_|UV_).*", seen, re.MULTILINE) == ["PIP_CERT=mine"]


def test_a_second_make_waits_for_the_first(machine, monkeypatch, capsys):
    def flock(folder: int, how: int) -> None:
        if how & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", flock)
    environment.main()
    assert capsys.readouterr().out.startswith("environment: waiting for another `make`")


def test_a_folder_that_make_cannot_use_is_one_line(machine, folder, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit, match="is read-only or belongs to another user"):
        environment.main()
    monkeypatch.setattr(environment, "PROJECT", folder.rename(folder.with_name("a$b")))
    with pytest.raises(SystemExit, match=r"a \$ in its path: rename .*a\$b"):
        environment.main()


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["runtmie"], 2), (["runtime", "--quick"], 2)])
def test_the_usage_is_printed_for_other_arguments(arguments, status):
    command = [sys.executable, "-I", PROJECT / "tools/environment.py", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == status
    assert (result.stdout or result.stderr).startswith("usage: environment.py [-h] [{runtime,development}] [{rebuild}]")


def test_old_pythons_can_read_the_script_that_refuses_them():
    ast.parse((PROJECT / "tools/environment.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"version_info": (3, 14, 0)}, False),
        ({"Py_GIL_DISABLED": 1}, False),
        ({"platform": "darwin", "machine": "x86_64"}, False),
        ({"libc": ("glibc", "2.26")}, False),
        ({"machine": "armv7l"}, False),
        ({"machine": "aarch64", "libc": ("glibc", "2.27")}, True),
        ({"platform": "darwin", "machine": "arm64", "libc": ("", "")}, True),
    ],
    ids=str,
)
def test_a_machine_without_packages_is_refused_in_one_line(changes, fits, monkeypatch):
    usual = {"version_info": (3, 12, 1), "platform": "linux", "machine": "x86_64", "libc": ("glibc", "2.41")}
    changes = usual | changes
    machine, libc, gil = (changes.pop(name, None) for name in ("machine", "libc", "Py_GIL_DISABLED"))
    for name, value in changes.items():
        monkeypatch.setattr(sys, name, value)
    for name, value in {"machine": machine, "libc_ver": libc, "platform": "a machine"}.items():
        monkeypatch.setattr(environment.platform, name, lambda value=value: value)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: gil)
    message = "" if fits else r"TensorFlow needs .*, found CPython .* on a machine: run `make PYTHON=python3.13`, or .*"
    assert re.fullmatch(message, environment.unsupported())
