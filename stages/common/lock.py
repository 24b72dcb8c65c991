"""One stage at a time runs in a folder, and it writes only as long as the DVC that started it lives.

DVC deletes the outputs of a stage before it starts it and records them when it has ended. Killed alone, it leaves the
stage running, and the next DVC knows nothing of that one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from common.errors import PipelineError

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

FOLDER = Path(".locks")  # outside all outputs, which DVC deletes
BEYOND = 2**30  # bytes; Windows lets nobody read the part of a file that is locked


def parents() -> list[int]:
    """Return the processes that this one needs: its parent, and DVC behind it where the parent is only DVC's shell.

    DVC runs `sh -c COMMAND`. Bash and zsh become the command; Debian's sh waits for it, and lives on when DVC ends.
    """
    parent = os.getppid()
    process = Path("/proc", str(parent))  # Linux; elsewhere sh is Bash
    with suppress(OSError):
        if sys.argv[0].encode() in (process / "cmdline").read_bytes():
            return [parent, int((process / "stat").read_bytes().rpartition(b") ")[2].split()[1])]
    return [parent]


PARENTS = parents() if "DVC_STAGE" in os.environ else None  # which DVC sets for what it runs


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock `name` of the current folder; wait, and say for whom, while another process holds it.

    The system takes it back when the process ends, however it ends. Raises PipelineError when DVC has ended meanwhile.
    """
    if not Path("params.yaml").exists():  # another folder than the project's, as what follows will say
        yield
        return
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / name).open("a+", encoding="utf-8") as file:
        acquire(file)
        require_parent()
        write_holder(file, f"{script()}, process {os.getpid()}, since {datetime.now():%d %B %H:%M:%S}")
        try:
            yield
        finally:
            write_holder(file, "")


def script() -> str:
    return Path(sys.argv[0]).stem


def write_holder(file: TextIO, text: str) -> None:
    """Make `text` all that the file holds: who has the lock, for those that wait for it."""
    file.truncate(0)
    file.write(text)
    file.flush()


def acquire(file: TextIO) -> None:
    """Lock the file, as soon as nobody else does. Where the file system has no locks, say so and go on."""
    try:
        if try_lock(file):
            return
        file.seek(0)
        holder = file.read() or "another process"
        print(f"{script()}: waiting for the end of {holder}, which runs in this folder", file=sys.stderr, flush=True)
        while not try_lock(file, patient=True):
            pass
    except OSError as error:
        print(f"{script()}: {FOLDER} cannot be locked ({error.strerror}); run one at a time here", file=sys.stderr)


def try_lock(file: TextIO, patient: bool = False) -> bool:
    """Return whether the file is locked now; a patient call comes back later. Raises OSError where there are no locks.

    A child that was forked shares the lock, and keeps it when this process ends.
    """
    try:
        if sys.platform == "win32":
            os.lseek(file.fileno(), BEYOND, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if patient else msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
    except (BlockingIOError, PermissionError):  # the second on Windows, after ten seconds when patient
        return False
    return True


def require_parent() -> None:
    """Raise PipelineError when the DVC that started this process has ended: what is written now belongs to the next.

    Windows does not tell; there the lock alone must do.
    """
    if PARENTS is not None and parents() != PARENTS:
        raise PipelineError("dvc has ended and left this stage alone: stopped; run the same command again")
