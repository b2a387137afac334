"""keep_freed_memory: spare a training the cost of asking for the same memory at every step."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGEST_KEPT = 1 << 26  # a larger one is rare, and of the building of a model, not of its steps
ALL = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library to keep what is freed rather than return it to the system.

    A step frees and asks again for matrices of some megabytes, which glibc returns at once; every
    page is then cleared by the kernel and faulted in anew. Keeping them saves a tenth to a quarter
    of a step on a CPU. It holds for the whole process, so a command does it and no library call.

    Returns:
        Whether it was possible: on Linux with glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT) and mallopt(M_TRIM_THRESHOLD, ALL))
