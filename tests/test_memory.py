"""Freed memory stays with the process."""

import subprocess
import sys

import pytest

from conftest import PROJECT

SCRIPT = """
import ctypes, resource, sys
sys.path.insert(0, "stages")
from common import memory
if sys.argv[1] == "kept":
    memory.keep_freed()
malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
malloc.restype, free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    blocks = [malloc(100_000) for _ in range(20)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks:
        free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Count the pages that two megabytes, allocated and freed a hundred times, ask the system for."""
    command = [sys.executable, "-c", SCRIPT, how]
    return int(subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="an option of glibc")
def test_freed_memory_is_kept_for_the_next_allocation():
    assert faults("kept") < faults("given back") / 10
