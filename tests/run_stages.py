"""Run stages in folders of their own, for one import of TensorFlow: an emulated CPU takes a minute for it.

Usage: python tests/run_stages.py FOLDER:STAGE[,STAGE...] ...
"""

import importlib
import os
import platform
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("", "stages")]
from network import determinism  # noqa: E402, F401

print(platform.machine(), flush=True)
for case in sys.argv[1:]:
    folder, _, stages = case.rpartition(":")
    # A fork for each folder. Nothing has run in TensorFlow yet, hence no thread of it is lost.
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{case}: status {os.waitstatus_to_exitcode(status)}")
    else:
        os.chdir(folder)
        for stage in stages.split(","):
            importlib.import_module(stage).main()
        sys.stdout.flush()
        os._exit(0)
