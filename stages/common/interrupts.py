"""What Ctrl-C and `kill` do to a stage or tool. Each imports this before anything that takes long to import."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; `kill`, a scheduler, the end of a container
SCRIPTS = [Path(__file__).parents[2] / folder for folder in ("stages", "tools", "reader")]


def stop_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """End without an exception, which a module that is being imported may catch or print; nothing is written yet."""
    sys.stderr.write(f"{Path(sys.argv[0]).stem}: interrupted; run it again\n")
    sys.stderr.flush()
    os._exit(128 + number)


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Raise KeyboardInterrupt, so that temporary files are removed; a later signal does not wait for that."""
    first = time.monotonic()
    on_signals(lambda number, frame: time.monotonic() < first + 1 or stop_at_once(number, frame))
    raise KeyboardInterrupt(number)


def on_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handle signals by `handler` in this process if it is a stage or tool, rather than a test that imports one."""
    if Path(sys.argv[0]).resolve().parent in SCRIPTS:
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as a shell asks of what it starts in the background
                signal.signal(number, handler)


on_signals(stop_at_once)
