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
    """Return the resident memory of a process, by default this one; 0 without a /proc."""
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def die_with_parent() -> None:
    """Have the system end this process when its parent ends for any reason (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(growth_bytes: int) -> None:
    """Make allocations fail that exceed the current memory by more than `growth_bytes` (Linux).

    The parent checks memory, too, but only periodically.
    """
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core dump after a crash
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            most = (int(line.split()[1]) << 10) + growth_bytes + HEADROOM_BYTES
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            if hard == resource.RLIM_INFINITY or most < hard:
                resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
