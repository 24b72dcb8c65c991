"""Run one stage at a time per folder, and refuse to write once the parent DVC process has exited.

DVC deletes the outputs of a stage before it starts it and records them when it has ended. Killed alone, it leaves the
stage running, and the next DVC does not know of it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from common.errors import PipelineError, run

FOLDER = Path(".locks")  # outside all outputs, which DVC deletes


def parents() -> list[int]:
    """Return the processes that this one depends on: its parent, and DVC behind it if the parent is DVC's shell.

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
    """Hold the lock `name` of the current folder; while another process holds it, name that process and wait.

    The system releases the lock when the process ends, even if it is killed. Raises PipelineError if DVC has ended.
    """
    if not Path("params.yaml").exists():  # not the project's folder, as the stage itself will report
        yield
        return
    FOLDER.mkdir(exist_ok=True)
    holder, script = FOLDER / f"{name}.holder", Path(sys.argv[0]).stem
    lock = FileLock(FOLDER / name)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            other = (holder.read_text(encoding="utf-8") if holder.exists() else "") or "another process"
            print(f"{script}: waiting for the end of {other}, which runs in this folder", file=sys.stderr, flush=True)
            lock.acquire()
    except OSError as error:
        print(f"{script}: {FOLDER} cannot be locked ({error.strerror}); run one at a time here", file=sys.stderr)
    try:
        require_parent()
        holder.write_text(f"{script}, process {os.getpid()}, since {datetime.now():%d %B %H:%M:%S}", encoding="utf-8")
        yield
    finally:
        holder.write_text("", encoding="utf-8")
        lock.release()


def run_stage(main: Callable[[], None]) -> None:
    """Call `main` with the lock of all stages; it ends as `common.errors.run` describes."""
    run(exclusive("stage")(main))


def require_parent() -> None:
    """Raise PipelineError if the DVC that started this process has ended: the outputs now belong to the next run.

    Windows does not report it, so only the lock protects there.
    """
    if PARENTS is not None and parents() != PARENTS:
        raise PipelineError("dvc has ended and left this stage alone: stopped; run the same command again")
