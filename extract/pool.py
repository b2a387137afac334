"""WorkerPool: processes that decode, watched over and replaced when a clip takes one down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from extract.worker import Decoded, EncodingFailed, Job, Ready, RowsOf, Setup, Started, UnitsOf

MAX_IN_FLIGHT = 8  # clips a worker holds at once, so that batches fill across them
MAX_ATTEMPTS = 3  # how often a clip may be near a crash before it is taken for the cause
TICK_SECONDS = 0.25
SERVE = "from extract.worker import main; main()"

Event = Decoded | RowsOf | UnitsOf


class WorkerError(RuntimeError, ValueError):
    """A worker could not start, or an encoder failed: nothing a broken clip could cause."""


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    connection: Connection
    in_flight: dict[int, Job] = field(default_factory=dict)
    open_rows: dict[int, set[int]] = field(default_factory=dict)
    reading: int | None = None
    reading_since: float = 0.0
    ready: bool = False
    killed_for: str | None = None


class WorkerPool:
    """Hands jobs to workers and yields what comes back.

    Every job ends in exactly one `Decoded`. If its worker dies, hangs or grows past the limits,
    that is a `Decoded` with the reason as its error, the worker is replaced, and the other clips
    it held are done again by another.

    Args:
        setup: what every worker is told.
        num_workers: how many processes.
        clip_timeout_seconds: how long one clip may be decoded.
        memory_limit_bytes: how much memory one worker may take (looked at on Linux).
    """

    def __init__(
        self,
        setup: Setup,
        *,
        num_workers: int,
        clip_timeout_seconds: float,
        memory_limit_bytes: int,
    ) -> None:
        self._setup, self._num_workers = setup, num_workers
        self._timeout, self._memory_limit = clip_timeout_seconds, memory_limit_bytes
        self._processes: list[_Process] = []
        self._waiting: deque[Job] = deque()
        self._attempts: dict[int, int] = {}
        self.stopping = False

    def run(self, jobs: list[Job], *, poll: Callable[[], None]) -> Iterator[Event]:
        """Yield what the workers say until every job is done, or `stopping` was set and what was
        in flight is done. `poll` is called a few times a second."""
        self._waiting.extend(jobs)
        while self._unfinished():
            while len(self._processes) < min(self._num_workers, self._num_needed()):
                self._processes.append(self._launch())
            for process in self._processes:
                self._feed(process)
            connections: list[Any] = [process.connection for process in self._processes]
            for connection in wait(connections, TICK_SECONDS):
                process = next(p for p in self._processes if p.connection is connection)
                yield from self._listen(process)
            self._watch()
            poll()

    def close(self) -> None:
        """End all workers now."""
        for process in self._processes:
            process.connection.close()
            process.process.kill()
            process.process.wait()
        self._processes.clear()

    def _unfinished(self) -> bool:
        in_flight = any(process.in_flight for process in self._processes)
        return in_flight or (bool(self._waiting) and not self.stopping)

    def _num_needed(self) -> int:
        return sum(len(p.in_flight) > 0 for p in self._processes) + (
            0 if self.stopping else len(self._waiting)
        )

    def _launch(self) -> _Process:
        import socket

        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            # Idle threads of a numerics library would take turns with the other workers.
            "OMP_NUM_THREADS": str(self._setup.num_threads),
            "OPENBLAS_NUM_THREADS": "1",
        }
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("MMGCN_DEBUG") else subprocess.DEVNULL,
            )
        connection = Connection(ours.detach())
        connection.send(self._setup)
        return _Process(process, connection)

    def _feed(self, process: _Process) -> None:
        # A clip that was near a crash goes alone, so that a second crash has one suspect.
        while self._waiting and not self.stopping and len(process.in_flight) < MAX_IN_FLIGHT:
            suspect = self._attempts.get(self._waiting[0].index, 0) > 0
            held = [self._attempts.get(index, 0) > 0 for index in process.in_flight]
            if process.in_flight and (suspect or any(held)):
                return
            # The last clips are shared out evenly.
            if len(process.in_flight) > len(self._waiting) // len(self._processes):
                return
            job = self._waiting.popleft()
            process.in_flight[job.index] = job
            try:
                process.connection.send(job)
            except (BrokenPipeError, ConnectionError):
                return  # its death is noticed when it is listened to

    def _listen(self, process: _Process) -> Iterator[Event]:
        while True:
            try:
                if not process.connection.poll():
                    return
                said = process.connection.recv()
            except (EOFError, ConnectionError):
                yield from self._bury(process)
                return
            if isinstance(said, Ready):
                process.ready = True
                if said.error is not None:
                    raise WorkerError(f"a worker could not start: {said.error}")
            elif isinstance(said, Started):
                process.reading, process.reading_since = said.index, time.monotonic()
                process.open_rows[said.index] = set()
            elif isinstance(said, EncodingFailed):
                spec = self._setup.encoders[said.encoder]
                raise WorkerError(f"the encoder {spec.module} failed: {said.error}")
            else:
                yield said
                self._account(process, said)

    def _account(self, process: _Process, said: Event) -> None:
        index = said.index
        if isinstance(said, RowsOf):
            process.open_rows[index].add(said.encoder)
        elif isinstance(said, Decoded):
            process.reading = None
            if said.error is not None or not self._setup.encodes:
                self._finish(process, index)
                return
            process.open_rows[index].add(-1)  # read to its end
        else:
            return
        if process.open_rows[index] == {-1, *process.in_flight[index].encoders}:
            self._finish(process, index)

    def _finish(self, process: _Process, index: int) -> None:
        process.in_flight.pop(index, None)
        process.open_rows.pop(index, None)
        self._attempts.pop(index, None)

    def _watch(self) -> None:
        for process in self._processes:
            if process.killed_for is not None:
                continue
            if process.reading is not None:
                spent = time.monotonic() - process.reading_since
                if spent > self._timeout:
                    self._kill(process, f"took longer than {self._timeout:g} s to decode")
                    continue
            if resident_bytes(process.process.pid) > self._memory_limit:
                limit = self._memory_limit / 2**30
                self._kill(process, f"needed more than {limit:g} GiB of memory")

    @staticmethod
    def _kill(process: _Process, reason: str) -> None:
        process.killed_for = reason
        process.process.kill()

    def _bury(self, process: _Process) -> Iterator[Event]:
        """Say what became of the clips of a worker that is no more."""
        process.connection.close()
        code = process.process.wait()
        self._processes.remove(process)
        if not process.ready and process.killed_for is None:
            raise WorkerError(f"a worker ended before it was ready ({_exit(code)})")
        reason = process.killed_for or f"the decoder crashed ({_exit(code)})"
        for index, job in process.in_flight.items():
            # Complete rows have been handed on already; only what is missing is done again.
            left = tuple(set(job.encoders) - process.open_rows.get(index, set()))
            attempts = self._attempts[index] = self._attempts.get(index, 0) + 1
            alone = len(process.in_flight) == 1 and attempts > 1
            if index == process.reading or alone or attempts >= MAX_ATTEMPTS:
                self._attempts.pop(index)
                yield Decoded(index, error=reason)
            else:
                self._waiting.appendleft(Job(index, job.item, left))


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds, or 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
