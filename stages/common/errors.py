"""How a stage or tool ends: when it fails or is interrupted, with one line on standard error and no traceback."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common import interrupts


class PipelineError(Exception):
    """An error that the user can fix; the message says what was found, what was expected and what to do."""


@contextmanager
def on_interrupt(note: str) -> Iterator[None]:
    """Add a note to an interrupt of the block: how far it came and how to continue."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(note)
        raise


def run(main: Callable[[], None]) -> None:
    """Call `main`; report a PipelineError, or an OSError such as a full disk, in one line and exit with status 1.

    An interrupt is reported with the notes of its exception; the exit status is then 128 plus the number of the signal,
    as in a shell.
    """
    name = Path(sys.argv[0]).stem
    if hasattr(sys.stdout, "reconfigure"):  # a console that cannot print a character shows `?`
        sys.stdout.reconfigure(errors="replace")
    try:
        interrupts.on_signals(interrupts.interrupt)
        main()
        sys.stdout.flush()
        interrupts.on_signals(signal.SIG_IGN)  # all is done; Python may take a second to end
    except BrokenPipeError:  # `head` has read enough: not an error, and the flush at the exit must not report it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PipelineError as error:
        sys.exit(f"{name}: {error}")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.exit(f"{name}: {error.strerror or error}{where}")
    except KeyboardInterrupt as error:
        notes = getattr(error, "__notes__", ["before the end; run it again, and it starts from the beginning"])
        print(f"{name}: interrupted {'; '.join(notes)}", file=sys.stderr)
        sys.exit(128 + (error.args[0] if error.args else signal.SIGINT))
