"""A worker's own process: its threads, its memory, and its end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # Linux's prctl.h
HEADROOM_BYTES = 256 << 20
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process, this one by default; 0 where the system has none."""
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def die_with_parent() -> None:
    """Ask the system to end this process when its parent ends, however that ends (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(growth_bytes: int) -> None:
    """Make an allocation fail that exceeds the present memory by so much (Linux).

    The parent checks memory, too, but only now and then.
    """
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash writes no file of its memory
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            most = (int(line.split()[1]) << 10) + growth_bytes + HEADROOM_BYTES
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            if hard == resource.RLIM_INFINITY or most < hard:
                resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
