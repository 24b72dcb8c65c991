"""Make or mend .venv, the environment of this project, and install what the lock files pin. `make` does this first.

Usage: python3 -I tools/environment.py [runtime | development]

Runs on the Python that .venv is to have, with its standard library alone; from 3.6 on, to say that it is too old.
With the environment variable PYTHON, which `make PYTHON=...` sets, .venv is made anew unless it has that Python.
Reads  requirements.txt; with `development` requirements-dev.txt as well.
Writes .venv; a file in it, named as above, has the digest of the lock file that was installed without an error.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
VENV = PROJECT / ".venv"
# Not through a link to another project's .venv: commands that pip writes there would be gone with the link.
PYTHON = VENV.resolve() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCKS = {"runtime": "requirements.txt", "development": "requirements-dev.txt"}
PROOF = {"runtime": "dvc", "development": "pytest"}  # a package of each
GLIBC = (2, 27)  # what the locked wheels of TensorFlow, NumPy and pandas need at least
# What would send packages elsewhere, or other ones here. Where pip finds them (an index, a proxy) is the user's to say.
HARMFUL = [
    f"PIP_{option}"
    for option in ("USER", "TARGET", "PREFIX", "ROOT", "PYTHON", "DRY_RUN", "CONSTRAINT", "REQUIREMENT", "NO_BINARY")
]
GET_PYTHON = (
    "get one by `uv python install 3.13`, `apt install python3.13-venv`, `brew install python@3.13` or "
    "`pyenv install 3.13`, then run `make PYTHON=python3.13`"
)
# Commands such as `dvc` have the path of their Python in the first line: pip's own code writes them anew.
WRITE_COMMANDS = """
import os, sys
from importlib.metadata import distributions
from pip._vendor.distlib.scripts import ScriptMaker
maker = ScriptMaker(None, os.path.dirname(sys.executable))
maker.clobber, maker.set_mode, maker.variants = True, True, {""}
for entry in {e for d in distributions() for e in d.entry_points if e.group == "console_scripts"}:
    maker.make(f"{entry.name} = {entry.value}")
"""


def fail(message: str) -> None:
    sys.exit(f"environment: {message}")


def say(message: str) -> None:
    print(f"environment: {message}", flush=True)


def unsupported() -> str:
    """Say why the running Python cannot have the locked packages and what to do; nothing if it can."""
    found = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
    if sys.implementation.name != "cpython" or free_threaded or not (3, 11) <= sys.version_info[:2] <= (3, 13):
        other = next(filter(starts, ("python3.13", "python3.12", "python3.11")), None)
        cure = f"run `make PYTHON={other}`" if other else GET_PYTHON
        kind = " without a GIL" if free_threaded else ""
        return f"TensorFlow needs CPython 3.11 to 3.13, found {found}{kind}: {cure}"
    machine = platform.machine().lower()
    if sys.platform == "darwin" and machine != "arm64":
        return (
            f"TensorFlow has no packages for Intel Macs any more, found {found} for {machine}: on Apple silicon take "
            "a Python for arm64, `make PYTHON=/opt/homebrew/bin/python3.13`; on an Intel Mac use Linux in a container"
        )
    if sys.platform.startswith("linux"):
        glibc = glibc_version()
        if glibc is None:
            return "TensorFlow has no packages for musl (Alpine): use a system with glibc, such as Debian or Ubuntu"
        if glibc < GLIBC:
            return f"the packages need glibc {GLIBC[0]}.{GLIBC[1]}, found {glibc[0]}.{glibc[1]}: use a newer system"
    if machine not in ("x86_64", "amd64", "aarch64", "arm64") or sys.maxsize < 2**32:
        return f"TensorFlow needs a Python of 64 bits for x86-64 or ARM, found {found} for {machine}: use such a one"
    return ""


def glibc_version():
    """Return (2, 36) or such; None on musl."""
    try:
        name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
    except (ValueError, AttributeError):
        return None
    return tuple(map(int, version.split(".")[:2])) if name == "glibc" else None


def starts(python: str) -> bool:
    """Say whether there is such a command and it is a Python: what pyenv puts on the PATH may be neither."""
    return bool(shutil.which(python)) and run([python, "-I", "-c", ""], quiet=True).returncode == 0


def without_harm() -> dict:
    """Return the environment without those of the user's settings that would change what a command does."""
    return {k: v for k, v in os.environ.items() if k not in HARMFUL and not k.startswith("PYTHON")}


def run(command: list, quiet: bool = False) -> subprocess.CompletedProcess:
    """Run a command without those of the user's settings that would change what it does."""
    pipe = subprocess.PIPE if quiet else None
    try:
        return subprocess.run(
            [str(part) for part in command], env=without_harm(), stdout=pipe, stderr=pipe, universal_newlines=True
        )
    except OSError as error:  # no such file, no permission, of another architecture
        return subprocess.CompletedProcess(command, 1, "", str(error))


def pip(command: list) -> int:
    """Run pip and print a few lines of progress; its errors go to standard error. Return its exit status."""
    fetched, environment = 0, without_harm()
    with subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.PIPE, universal_newlines=True
    ) as process:
        for line in process.stdout or ():
            if line.lstrip().startswith("Collecting "):
                fetched += 1
                if fetched % 20 == 0:
                    say(f"{fetched} packages fetched")
            elif line.startswith("Installing collected packages"):
                say("all packages fetched; writing them into .venv")
    return process.returncode


def check() -> None:
    """Exit with what is wrong with the running Python of .venv; print the installation that it belongs to."""
    try:
        import pip  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        fail("it has no pip")
    if not os.path.samefile(sys.prefix, VENV):
        fail(f"its Python is that of {sys.prefix}")
    reason = unsupported()
    if reason:
        fail(reason)
    print(os.path.realpath(sys.base_prefix))


def fault() -> str:
    """Say why .venv cannot be used as it is; nothing if it can."""
    checked = run([PYTHON, "-I", __file__, "check"], quiet=True)
    if checked.returncode:
        said = checked.stderr.strip().splitlines() or ["its Python does not start"]
        return said[-1].replace("environment: ", "")
    if os.environ.get("PYTHON") and checked.stdout.strip() != os.path.realpath(sys.base_prefix):
        return f"it has another Python than PYTHON={os.environ['PYTHON']}"
    return ""


def make(reason: str) -> None:
    """Make .venv from nothing, in the place of what is there. It is not there when that fails."""
    found = unsupported()
    if found:
        fail(f".venv cannot be used ({reason}), and no other made: {found}" if reason else found)
    if reason:
        if VENV.is_symlink() or (os.path.lexists(PYTHON) and not (VENV / "pyvenv.cfg").exists()):
            fail(f"{VENV} cannot be used ({reason}) and was not made by `make`: move it away and run this again")
        say(f"making .venv anew: {reason}")
    made = False
    try:
        shutil.rmtree(VENV, ignore_errors=not VENV.exists())
        made = run([os.environ.get("PYTHON") or sys.executable, "-m", "venv", str(VENV)]).returncode == 0
    finally:
        if not made:
            shutil.rmtree(VENV, ignore_errors=True)
    if not made:
        fail("could not make .venv: see above; on Debian and Ubuntu it may take `apt install python3-venv`")
    (VENV / "location").write_text(str(VENV.resolve()), encoding="utf-8")


def settle() -> None:
    """Write the commands and the activation of .venv anew if the folder was moved or copied here."""
    place, location = str(VENV.resolve()), VENV / "location"
    if location.exists() and location.read_text(encoding="utf-8") == place:
        return
    for arguments in (["-m", "venv", "--without-pip", place], ["-c", WRITE_COMMANDS]):
        if run([PYTHON, "-I", *arguments]).returncode:
            fail(f".venv comes from another folder and could not be mended: see above, `rm -r {VENV}`, run this again")
    location.write_text(place, encoding="utf-8")


def install(name: str) -> None:
    """Install a lock file into .venv, unless that was done and the file has not changed since."""
    lock, stamp = PROJECT / LOCKS[name], VENV / name
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    done = stamp.read_text() if stamp.exists() else None
    if done == digest:
        return
    if done is not None:
        stamp.unlink()
    # Without a stamp a killed pip may have left a package half there, which the next one takes for whole.
    again = ["--force-reinstall"] if done is None else []
    # pip.conf can say the same as the environment: only options win over it.
    here = ["--no-user", "--target=", "--no-binary=:none:"]
    command = [PYTHON, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
    packages = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    say(f"installing the {packages} packages of {lock.name} into .venv; the first time takes about two minutes")
    if pip([*command, *here, *again, "--requirement", lock]):
        fail(f"pip could not install {lock.name}: see above; after that is mended, run this again")
    proof = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({PROOF[name]!r}) is None)"
    if run([PYTHON, "-I", "-c", proof]).returncode:
        fail(f"pip says that it installed {lock.name}, but not into .venv: look at `{PYTHON} -m pip config list`")
    stamp.write_text(digest)


@contextlib.contextmanager
def alone():
    """Wait for another `make` in this folder that is here already."""
    folder = os.open(PROJECT, os.O_RDONLY) if os.name != "nt" else None
    try:
        with contextlib.suppress(ImportError, OSError):  # Windows; a file system without locks
            import fcntl

            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another `make`, which sets .venv up")
                fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        if folder is not None:
            os.close(folder)


def main(wanted: str) -> None:
    os.chdir(PROJECT)
    if "$" in str(PROJECT):
        fail(f"setuptools cannot build packages in a folder with a $ in its path: rename {PROJECT}")
    if not os.access(PROJECT, os.W_OK):
        fail(f"{PROJECT} is read-only or belongs to another user: clone the project to a folder of your own")
    with alone():
        reason = fault() if os.path.lexists(VENV) else ""
        if reason or not os.path.lexists(VENV):
            make(reason)
        settle()
        for name in list(LOCKS)[: 1 + list(LOCKS).index(wanted)]:
            install(name)


if __name__ == "__main__":
    try:
        check() if sys.argv[1:] == ["check"] else main(*sys.argv[1:] or ["runtime"])
    except OSError as error:
        fail(f"{error.strerror}: {error.filename}, in {PROJECT}; does it belong to another user, or is the disk full?")
    except KeyboardInterrupt:
        fail("interrupted; run it again")
