"""Run commands that end together with the process that started them, even if that one is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

# A watcher beside the command reads the life line. At its end it kills the command and everything that this started.
GUARD = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -9 0) >/dev/null 2>&1 & exec "$@" 3<&-'

PATIENCE = 10  # seconds to clean up after an interrupt


class LifeLine(NamedTuple):
    """A pipe to which nothing is written: the commands that hold its end are killed when it is cut."""

    reader: BinaryIO
    cut: Callable[[], None]


@contextmanager
def life_line() -> Iterator[LifeLine]:
    """Yield a life line, which is cut when the block ends or this process does."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as held, os.fdopen(writer, "wb") as own:
        yield LifeLine(held, own.close)


def run(
    command: Sequence[str], folder: Path, line: LifeLine, environment: Mapping[str, str], show: bool = False
) -> tuple[int, list[str]]:
    """Run a command in `folder`; return its exit status and the lines that it printed, without the blank ones.

    show: also print the lines, to standard error, as they come. An interrupt of this process is passed on, and the
    command may clean up.
    """
    lines = []
    with subprocess.Popen(
        ["sh", "-c", GUARD, "sh", *command],
        cwd=folder,
        env=environment,
        stdin=line.reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, which the terminal's Ctrl-C does not reach
    ) as process:
        try:
            for text in process.stdout or ():
                if show:
                    print(text, end="", file=sys.stderr, flush=True)
                if text.strip():
                    lines.append(text.rstrip())
            process.wait()
        except KeyboardInterrupt:
            end(process, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            raise
        finally:
            end(process, signal.SIGKILL)  # only the watcher is left of its group
    return process.returncode, lines


def end(process: subprocess.Popen, number: int) -> None:
    """Send a signal to a process and everything that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
