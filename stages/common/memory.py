"""How the C library allocates: training asks for the same few megabytes again and again."""

import ctypes
import sys

M_TOP_PAD = -2  # of glibc's malloc.h
KEPT = 2**26  # bytes at the end of each heap; a heap of a thread grows no larger


def keep_freed() -> None:
    """Ask glibc to keep freed memory for the next allocation; before TensorFlow is imported, or it has little effect.

    XLA takes the scratch memory of every step anew. Given back to the system and asked for again, its pages fault each
    time: an epoch of 512 and 256 units takes half as long again or more. No byte of a result depends on it.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_TOP_PAD, KEPT)
