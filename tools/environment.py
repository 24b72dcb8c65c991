"""Create or repair .venv, the project's environment, and install the packages of a lock file. `make` runs this first.

Usage: python3 -I tools/environment.py [runtime | development] [rebuild]

Runs on the Python that a new .venv is to have, with its standard library; from 3.6 on, to report that it is too old.
uv installs the packages: the one on the PATH, or the pinned one, which pip fetches.
With `rebuild`, which `make PYTHON=...` passes, a .venv of another Python is replaced.
Reads  requirements.txt, or requirements-dev.txt for `development`.
Writes .venv; its file `location` has the folder, the Python, the lock file and that file's digest.
"""

import argparse
import ast
import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
VENV, OLD = Path(".venv"), Path(".venv.old")  # in PROJECT, where `main` works
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "location"
LOCKS = {"runtime": "requirements.txt", "development": "requirements-dev.txt"}
IDENTITY = (
    "import os, sys; sys.prefix == sys.base_prefix or print(*sys.version_info[:2], os.path.realpath(sys.base_prefix))"
)
MINE = "{} {} {}".format(*sys.version_info[:2], os.path.realpath(sys.base_prefix))
# pip's settings for where packages come from, and uv's names for them. Others could change where packages go.
SOURCES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "NO_INDEX",  # uv has an option for it
    "trusted-host": "UV_INSECURE_HOST",
    "keyring-provider": "UV_KEYRING_PROVIDER",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}
UV_SOURCES = re.compile("UV_.*(INDEX|LINK|CACHE|CONFIG|HTTP|HOST|CERT|TLS|KEYRING|OFFLINE)")


def fail(message):
    sys.exit(f"environment: {message}")


def say(message):
    print(f"environment: {message}", flush=True)


def run(command, quiet=False, **settings):
    """Run a command without the user's settings of Python, pip and uv, but with these `settings`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "UV_"))}
    pipe = subprocess.PIPE if quiet else None
    try:
        return subprocess.run(
            list(map(str, command)), env={**environment, **settings}, stdout=pipe, stderr=pipe, universal_newlines=True
        )
    except OSError as error:  # no such file, no permission, of another architecture
        return subprocess.CompletedProcess(command, 127, "", str(error))


def unsupported():
    """Return the requirements of the locked packages, and how this machine differs; "" if they can be installed."""
    machine, (library, version) = platform.machine().lower(), platform.libc_ver()
    gil, bits = not sysconfig.get_config_var("Py_GIL_DISABLED"), sys.maxsize.bit_length() + 1
    fits = sys.implementation.name == "cpython" and gil and (3, 11) <= sys.version_info[:2] <= (3, 13)
    machines = ("arm64",) if sys.platform == "darwin" else ("arm64", "aarch64", "x86_64", "amd64")
    if sys.platform.startswith("linux"):  # the oldest glibc that wheels of TensorFlow and NumPy take
        fits = fits and library == "glibc" and tuple(map(int, version.split(".")[:2])) >= (2, 27)
    if fits and bits == 64 and machine in machines:
        return ""
    python = f"{platform.python_implementation()} {platform.python_version()}{'' if gil else ' without a GIL'}"
    return (
        "TensorFlow needs CPython 3.11 to 3.13 with a GIL and 64 bits, on Linux with glibc 2.27 or later on x86-64 or "
        f"ARM, or on a Mac with Apple silicon, found {python}, {bits} bits ({sys.executable}) on {platform.platform()}"
        ": run `make PYTHON=python3.13`, or see docs/troubleshooting.md"
    )


def find_fault(identity):
    """Return why .venv, which should have this Python, cannot be used; "" if it can."""
    found = run([PYTHON, "-I", "-c", IDENTITY], quiet=True).stdout.strip()
    if not found:
        return "its Python does not work"
    if not identity:
        return "it was not made by `make`, or not to the end"
    return "" if found == identity else "its Python is another one"


def make_room(reason):
    """Remove .venv, or rename it if it may hold files of the user."""
    if STAMP.exists() and not VENV.is_symlink():
        say(f"rebuilding .venv: {reason}")
        shutil.rmtree(VENV)
    elif os.path.lexists(OLD):
        fail(f"{VENV} cannot be used ({reason}): move it away, or remove {OLD}")
    else:
        say(f"making a new .venv ({reason}); the old one is {OLD} now")
        VENV.rename(OLD)


def create(python, *options):
    """Write .venv: whole, or with `--without-pip` only the files that name its folder."""
    if run([python, "-I", "-m", "venv", *options, VENV]).returncode:
        fail("could not create .venv: see above; on Debian and Ubuntu it may take `apt install python3-venv`")
    with (VENV / "pyvenv.cfg").open("a") as file:
        file.write("relocatable = true\n")  # so uv writes commands that look for their Python beside them


def sources():
    """Return, as variables of pip and of uv, the user's settings of pip for where packages come from."""
    pips = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    listed = run([PYTHON, "-I", "-m", "pip", "config", "list"], quiet=True, **pips).stdout
    lines = re.findall(r"^(?:global|install)\.(.+?)=(.+)$", listed, re.MULTILINE)  # sorted, and `install` wins
    found = {"cert": os.environ.get("REQUESTS_CA_BUNDLE", ""), **{k: ast.literal_eval(v) for k, v in lines}}
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if "XDG_CACHE_HOME" not in os.environ and not os.access(os.path.expanduser("~"), os.W_OK):
        settings["UV_NO_CACHE"] = "1"  # such as the home `/` of a user ID without a name
    settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # all indexes, as pip does; the hashes decide
    for name, uv_name in SOURCES.items():
        pip_name = "PIP_" + name.upper().replace("-", "_")
        values = os.environ.get(pip_name, found.get(name, "")).split()
        settings.update({pip_name: " ".join(values)} if values else {})
        if name == "find-links":  # uv, unlike pip, fails at a folder that is missing
            values = [",".join(value for value in values if "://" in value or os.path.isdir(value))]
        if any(values) and uv_name not in os.environ:
            settings[uv_name] = " ".join(values)
    return {**settings, **{name: value for name, value in os.environ.items() if UV_SOURCES.match(name)}}


def install(lock):
    """Install a lock file into .venv: by uv, or by pip where uv fails, as with an index that only pip can read."""
    say(f"installing the packages of {lock} into .venv")
    settings, pip = sources(), [PYTHON, "-I", "-m", "pip", "install", "-qq", "--require-hashes"]
    uv, own, pin = shutil.which("uv"), PYTHON.with_name("uv"), VENV / "uv.txt"
    if not uv and not own.exists():
        locked = Path(LOCKS["development"]).read_text(encoding="utf-8")
        pin.write_text(re.search(r"^uv==(.*\\\n)+.*", locked, re.MULTILINE).group())
        run([*pip, "--only-binary=:all:", "--requirement", pin], **settings)
    options = ["--no-index"] * ("NO_INDEX" in settings) + ["--quiet"] * (not sys.stderr.isatty())
    sync = [uv or own, "pip", "sync", "--python", PYTHON, "--require-hashes", "--compile-bytecode", *options, lock]
    if run(sync, **settings).returncode:
        say("uv could not install them (see above); pip tries, which takes minutes")
        if run([*pip, "--requirement", lock], **settings).returncode:
            fail(f"neither uv nor pip could install {lock}: see above; once that is fixed, run this again")


def wait_for_others():
    """Wait for another `make` in this folder, and hold those that come later until this process ends."""
    with contextlib.suppress(ImportError, OSError):  # Windows; a file system without locks
        import fcntl

        folder = os.open(PROJECT, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `make`, which sets .venv up")
            fcntl.flock(folder, fcntl.LOCK_EX)


def main(wanted="runtime", rebuild=None):
    os.chdir(PROJECT)
    if "$" in str(PROJECT):
        fail(f"setuptools cannot build packages in a folder with a $ in its path: rename {PROJECT}")
    if not os.access(PROJECT, os.W_OK):
        fail(f"{PROJECT} is read-only or belongs to another user: clone the project to a folder of your own")
    wait_for_others()
    stamp = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else []
    place, identity, *done = stamp or ["", ""]
    exists, here = os.path.lexists(VENV), str(VENV.resolve())
    lock = LOCKS["development" if LOCKS["development"] in done else wanted]
    wants = [lock, hashlib.sha256(Path(lock).read_bytes()).hexdigest()]
    reason = find_fault(MINE if rebuild and identity else identity) if exists else ""
    if reason or not exists:
        why_not = unsupported()
        if why_not:
            fail(why_not)
        if reason:
            make_room(reason)
        VENV.mkdir()
        STAMP.touch()  # from now on it may be removed
        create(getattr(sys, "_base_executable", sys.executable))
        identity = MINE
    elif place == here and done == wants:
        return
    elif VENV.is_symlink():
        fail(f".venv is a link to {here}, without the packages of {lock}: run `make` there, or remove the link")
    elif place != here:
        create(PYTHON, "--without-pip")
    STAMP.write_text("")
    install(lock)
    STAMP.write_text("\n".join([str(VENV.resolve()), identity, *wants]), encoding="utf-8")


if __name__ == "__main__":
    try:
        parser = argparse.ArgumentParser(description="Create or repair .venv, and install the packages of a lock file.")
        parser.add_argument("wanted", nargs="?", choices=[*LOCKS], default="runtime", help="which packages")
        parser.add_argument("rebuild", nargs="?", choices=["rebuild"], help="replace a .venv of another Python")
        main(**vars(parser.parse_args()))
    except OSError as error:
        fail(f"{error.strerror}: {error.filename}, in {PROJECT}; does it belong to another user, or is the disk full?")
    except KeyboardInterrupt:
        fail("interrupted; run it again")
