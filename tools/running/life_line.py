"""End a process, and all that it started, when whoever started it is gone, even by SIGKILL."""

import os
import signal
import sys
import threading


def hold() -> None:
    """Kill this process's group when standard input ends: the starter holds the other end and writes nothing.

    The starter must have given this process a group of its own.
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)  # Windows

    if os.name == "posix" and os.getpgid(0) != os.getpid():
        sys.exit("--life-line: expected a process group of its own")
    threading.Thread(target=wait, daemon=True).start()
