"""PosterWorker: a long-lived process that draws posters."""

from __future__ import annotations

import json
import os
import subprocess
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock, Timer

MAX_SECONDS = 30.0  # for one poster
MAX_POSTERS = 500  # of one process, whose memory hostile videos may have filled
ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # one frame gains nothing from threads


class PosterWorker:
    """A process that decodes one frame of each video, with limits on memory and time.

    Videos are untrusted input. A video that ends the process loses its own poster; the next poster
    starts another process. Starting takes about a second, a poster some hundredths of a second.

    Args:
        command: of the process; None is that of `extract.workers.poster_process`.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = command
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._num_drawn = 0

    def draw(self, item_id: str, video: Path, folder: Path) -> str:
        """Write a poster; return the reason if that fails, else an empty string.

        Threads that draw at the same time wait for each other.
        """
        with self._lock:
            process = self._running()
            is_late = Event()

            def give_up() -> None:
                is_late.set()
                process.kill()

            timer = Timer(MAX_SECONDS, give_up)
            timer.start()
            answer = _ask(process, json.dumps([str(video), str(folder), item_id]))
            timer.cancel()
            self._num_drawn += 1
            if is_late.is_set() or not answer or self._num_drawn >= MAX_POSTERS:
                self._end()
            if answer:
                return str(json.loads(answer))
        if is_late.is_set():
            return f"its video took longer than {MAX_SECONDS:g} s to read"
        return "the process that read it crashed"

    def stop(self) -> None:
        """End the process. A poster that is being drawn fails."""
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                self._command or _default_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                env={**os.environ, **dict.fromkeys(ENVIRONMENT, "1")},
            )
            self._num_drawn = 0
            weakref.finalize(self, _end, self._process)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None


def _default_command() -> list[str]:
    from extract.workers.poster_process import poster_command  # imports PyAV

    return poster_command()


def _ask(process: subprocess.Popen[str], line: str) -> str:
    """Return the answer to a line; empty if the process ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return ""


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:  # a line that it did not read
            pass
