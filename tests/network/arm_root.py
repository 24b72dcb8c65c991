"""An ARM machine to try the stages on: Debian's qemu-user, an arm64 Python of Debian's and the locked wheels.

Usage: python tests/network/arm_root.py SCRIPT [ARGUMENT...]   as `python` on an emulated ARM CPU, QEMU_CPU or N1

The packages come from the mirror of Debian that apt uses here, the wheels from where pip gets them, checked by the
hashes of requirements.txt. All of it, 2 GB, is made once and kept in ~/.cache/mnist-arm, or below XDG_CACHE_HOME.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from packaging.markers import Marker

PROJECT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist-arm"
RELEASE = "trixie"  # Debian 13: its qemu-user, 10.0, is one static file and knows SVE and SME; its Python is 3.13
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PYTHON = {"python_version": "3.13", "python_full_version": "3.13.5", "platform_machine": "aarch64"}
PACKAGES = ["python3", "libstdc++6", "libgomp1", "zlib1g"]  # what the interpreter and the wheels link to
PLATFORMS = ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"]
NEOVERSE_N1 = "neoverse-n1"  # NEON and no wider vectors: AWS Graviton 2, Ampere Altra; much like an Apple M1
# The newest instructions that qemu knows: SVE, and SME as an Apple M4 has it. Pointers are signed the quick way.
EVERYTHING = "max,pauth-impdef=on"


class Unavailable(Exception):
    """The ARM machine cannot be set up here; the message says why."""


def call(*command: str | Path, **options) -> str:
    """Run a command and return what it prints. Raises Unavailable with its last line when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        last = [*result.stderr.strip().splitlines(), "no message"][0 if not result.stderr.strip() else -1]
        raise Unavailable(f"{' '.join(map(str, command[:4]))} failed: {last}")
    return result.stdout


def mirror() -> str:
    """Return the mirror of Debian that apt uses here. Raises Unavailable when there is none, as on Ubuntu."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Unavailable(f"needs Linux on x86-64, found {sys.platform} on {platform.machine()}")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYS.exists()):
        raise Unavailable("needs Debian: apt-get, dpkg-deb and Debian's keys")
    sources = call("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()
    for source in sources:
        if source.rstrip("/").endswith("/debian"):
            return source
    raise Unavailable("no mirror of Debian is among apt's sources")


def unpack(folder: Path, source: str, architecture: str, packages: list[str], into: Path) -> None:
    """Unpack packages of Debian, and what they depend on, into the folder `into`; `folder` is for apt's own files."""
    state = folder / f"apt-{architecture}"
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()  # nothing is installed yet, so every dependency is fetched
    (state / "sources.list").write_text(f"deb [signed-by={KEYS}] {source} {RELEASE} main\n")
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
    }
    apt = ["apt-get", "--quiet", "--yes", *(f"-o{name}={value}" for name, value in options.items())]
    call(*apt, "update", "--error-on=any")
    call(*apt, "--download-only", "install", *packages)
    for package in (state / "archives").glob("*.deb"):
        call("dpkg-deb", "--extract", package, into)
    shutil.rmtree(state)


def locked_wheels() -> str:
    """Return the part of requirements.txt that the stages need on ARM, with its hashes: all but what DVC needs."""
    entries = re.split(r"\n(?=\w)", (PROJECT / "requirements.txt").read_text())
    named = []
    for entry in entries:
        name, marker = re.match(r"([\w.-]+)==\S+(?: ; (.+?))? \\\n", entry).groups()
        if marker is None or Marker(marker).evaluate(PYTHON):
            users = re.findall(r"^    #(?: via)? +([\w.-]+)$", entry, re.MULTILINE)
            named.append((name, set(users), entry.replace(f" ; {marker}", "")))
    direct = re.findall(r"^([\w.-]+)==", (PROJECT / "requirements.in").read_text(), re.MULTILINE)
    wanted = {name.replace(".", "-") for name in direct if name != "dvc"} | {"ruamel-yaml"}  # which DVC brings
    while more := {name for name, users, _ in named if users & wanted} - wanted:
        wanted |= more
    return "\n".join(entry for name, _, entry in named if name in wanted)


def build(folder: Path, wheels: str) -> None:
    """Make the machine in an empty folder: bin/qemu-aarch64, root/ with Python, site/ with the wheels."""
    source = mirror()
    unpack(folder, source, "amd64", ["qemu-user"], folder / "host")
    (folder / "bin").mkdir()
    shutil.move(folder / "host/usr/bin/qemu-aarch64", folder / "bin")
    shutil.rmtree(folder / "host")
    unpack(folder, source, "arm64", PACKAGES, folder / "root")
    (folder / "root/lib").symlink_to("usr/lib")
    locked = folder / "requirements.txt"
    locked.write_text(wheels)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
    platforms = [f"--platform={name}" for name in PLATFORMS]
    # pip compares Requires-Python with its own Python, whatever --python-version says.
    target = [f"--python-version={PYTHON['python_version']}", "--ignore-requires-python", "--target", folder / "site"]
    call(*pip, "--require-hashes", *platforms, *target, "--requirement", locked)


def machine() -> Path:
    """Return the folder of the machine, made if need be. Raises Unavailable."""
    wheels = locked_wheels()
    recipe = repr([RELEASE, PACKAGES, PLATFORMS, PYTHON, wheels])
    folder = CACHE / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):  # one worker of the tests makes it while the others wait
        if not folder.exists():
            with TemporaryDirectory(dir=CACHE, prefix="part-") as part:
                whole = Path(part) / "machine"
                whole.mkdir()
                build(whole, wheels)
                whole.rename(folder)
    return folder


def python(cpu: str) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command that is `python` on such a CPU, and what it needs in the environment. Raises Unavailable."""
    folder = machine()
    root = folder / "root"
    environment = {
        "QEMU_CPU": cpu,
        "QEMU_LD_PREFIX": str(root),
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": str(folder / "site"),
        # Compiled once, and not beside the sources of the project.
        "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return [folder / "bin/qemu-aarch64", root / "usr/bin/python3"], environment


if __name__ == "__main__":
    try:
        command, environment = python(os.environ.get("QEMU_CPU", NEOVERSE_N1))
    except Unavailable as reason:
        sys.exit(f"arm_root: {reason}")
    os.execve(command[0], [*command, *sys.argv[1:]], {**os.environ, **environment})
