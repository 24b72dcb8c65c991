"""How the C library allocates: training asks for the same few megabytes at every step."""

import ctypes
import sys

M_TOP_PAD = -2  # of glibc's malloc.h
KEPT = 2**26  # bytes at the end of each heap; a heap of a thread grows no larger


def keep_freed() -> None:
    """Ask glibc to keep freed memory for the next allocation; before TensorFlow is imported, or it has little effect.

    At every step XLA writes the new weights and moments to new buffers. Given back to the system and asked for again,
    their pages cost more than a thousand faults a step for (512, 256). No byte of a result depends on it.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_TOP_PAD, KEPT)
