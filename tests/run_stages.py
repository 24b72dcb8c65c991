"""Run stages in the current folder, for one import of TensorFlow: an emulated CPU takes a minute for it.

Usage: python tests/run_stages.py STAGE...
"""

import importlib
import platform
import sys
from pathlib import Path

sys.path[:0] = ["stages", str(Path(__file__).parents[1])]

print(platform.machine(), flush=True)
for stage in sys.argv[1:]:
    module = importlib.import_module(stage)
    sys.argv = [f"stages/{stage}.py"]
    module.main()
