"""Kill at a chosen moment: Python imports this at its start where PYTHONPATH names this folder.

The environment variable KILL holds five words: the event of Python (`os.rename` is what os.replace raises, just before
it does it; `import`), what its file or module ends with, which of such events of this process, the signal, and whom:
`self`, its `group`, the `dvc` that started it, or `orphan`: that dvc, after which this process stops until
it is told to go on. Only what is started as the script KILL_IN is concerned.
"""

import os
import signal
import sys

event, suffix, count, name, target = os.environ.get("KILL", "none none 0 SIGINT none").split()
left = int(count)


def kill_at(happened: str, arguments: tuple) -> None:
    global left
    if happened != event or not sys.argv[0].endswith(os.environ["KILL_IN"]):
        return
    found = arguments[1] if event == "os.rename" else arguments[0]
    if not os.fspath(found).endswith(suffix):
        return
    left -= 1
    if left:
        return
    if target in ("dvc", "orphan"):
        process = sys.modules["common.lock"].PARENTS[-1]
    else:
        process = {"self": os.getpid(), "group": 0}[target]
    os.kill(process, getattr(signal, name))
    if target in ("dvc", "orphan"):
        while sys.modules["common.lock"].parents()[-1] == process:
            pass
    if target == "orphan":  # only now: the system ends what has stopped before it loses its parent
        os.kill(os.getpid(), signal.SIGSTOP)


if "KILL" in os.environ:
    sys.addaudithook(kill_at)
