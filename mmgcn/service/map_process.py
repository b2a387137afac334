"""MapProcess: computes the maps of a run in a process of its own, on demand."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from threading import Lock, Thread

logger = logging.getLogger("mmgcn.service")
ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # other cores stay free for requests


class MapProcess:
    """The process that computes maps; at most one runs at a time.

    A map of thousands of items takes a minute of one core, which would delay requests in this
    process. A run whose maps cannot be computed is not tried again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._failed: dict[Path, str] = {}

    def start(self, run: Path) -> str:
        """Start computing the maps of a run, unless a computation is running.

        Returns:
            An empty string, or the reason why the maps of this run cannot be computed.
        """
        with self._lock:
            if run in self._failed:
                return self._failed[run]
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "mmgcn", "map", "--run", str(run)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    env={**os.environ, **dict.fromkeys(ENVIRONMENT, "1")},
                )
                Thread(target=self._wait, args=(self._process, run), daemon=True).start()
            return ""

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            process = self._process
        if process is not None:
            process.terminate()

    def _wait(self, process: subprocess.Popen[str], run: Path) -> None:
        """Wait for the process, and store the reason if it fails."""
        _, errors = process.communicate()
        lines = errors.strip().splitlines()
        with self._lock:
            self._process = None
            if process.returncode > 0:
                reason = lines[-1].removeprefix("error: ") if lines else "its process crashed"
                self._failed[run] = reason.replace(f"{run.parent}/", "")  # clients see no paths
                logger.error("the map of %s is not shown: %s", run.name, self._failed[run])
