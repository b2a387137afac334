"""WorkerPool: processes that decode, watched over and replaced when a clip takes one down."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from extract.workers.messages import (
    Allowed,
    Broken,
    Clock,
    Decoded,
    Finish,
    Job,
    Ready,
    RowsOf,
    Setup,
    Started,
    UnitsOf,
    receive,
    send,
)
from extract.workers.worker import resident_bytes

MAX_QUEUED = 8  # clips a worker has waiting, so that it need not wait for the parent
MAX_ATTEMPTS = 3  # how often a clip may be near a crash before it is taken for the cause
MAX_HEARD = 64  # messages of one worker before the next one is listened to
TICK_SECONDS = 0.25
# Counted at most between two looks at the clock: if more went by, everybody stood still (a frozen
# container, a suspended job), and that is not held against a clip.
ASLEEP_SECONDS = 10.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SERVE = "from extract.workers.worker import main; main()"

Event = Decoded | RowsOf | UnitsOf


class WorkerError(RuntimeError, ValueError):
    """A worker could not start, or an encoder failed: nothing a broken clip could cause."""


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    connection: Connection
    ready: bool = False
    ready_bytes: int = 0
    in_flight: dict[int, Job] = field(default_factory=dict)
    decoded: set[int] = field(default_factory=set)
    rows_had: dict[int, set[int]] = field(default_factory=dict)  # of clips that were started
    reading: int | None = None
    allowed_seconds: float = 0.0
    decode_seconds: float = 0.0  # of the clip that is read, when its clock was last told
    running_since: float | None = None  # None while it rests
    killed_for: str | None = None
    finishing: bool = False


class WorkerPool:
    """Hands jobs to workers and yields what comes back.

    Every job ends in a `Decoded`. If its worker dies, hangs or grows past the limits, that is a
    `Decoded` with the reason as its error, the worker is replaced, and the other clips it held are
    done again by another.

    Args:
        setup: what every worker receives.
        num_workers: maximum number of processes.
    """

    def __init__(self, setup: Setup, *, num_workers: int) -> None:
        self._setup, self._num_workers = setup, num_workers
        self._processes: list[_Process] = []
        self._waiting: deque[Job] = deque()
        self._attempts: dict[int, int] = {}
        self.stopping = False
        self._watched_at = 0.0

    def start(self, jobs: list[Job]) -> None:
        """Start workers on these jobs; what they say waits for `events`."""
        self._waiting.extend(jobs)
        self._staff()

    def stop(self) -> None:
        """Begin no further clip; `events` ends when those that were begun are done."""
        self.stopping = True

    def events(self, *, poll: Callable[[], None]) -> Iterator[Event]:
        """Yield what the workers say until every job is done; calls `poll` a few times a second."""
        while self._unfinished():
            self._staff()
            connections: list[Any] = [process.connection for process in self._processes]
            for connection in wait(connections, TICK_SECONDS):
                process = next(p for p in self._processes if p.connection is connection)
                yield from self._listen(process)
            self._watch()
            poll()

    def close(self) -> None:
        """End all workers now."""
        for process in list(self._processes):
            self._end(process)

    def _end(self, process: _Process) -> None:
        process.connection.close()
        process.process.kill()
        process.process.wait()
        self._processes.remove(process)

    def _unfinished(self) -> bool:
        if self.stopping:
            return bool(self._processes)  # each ends when it has handed over what it had begun
        return bool(self._waiting) or any(process.in_flight for process in self._processes)

    def _staff(self) -> None:
        """Have as many workers as there is work for, and give them work."""
        if self.stopping:
            for process in list(self._processes):
                if not process.ready:  # it loads what nobody needs any more
                    self._end(process)
                elif not process.finishing:
                    process.finishing = True
                    self._send(process, Finish())
            return
        num_busy = sum(bool(process.in_flight) for process in self._processes)
        while len(self._processes) < min(self._num_workers, num_busy + len(self._waiting)):
            self._processes.append(self._launch())
        for process in self._processes:
            self._feed(process)

    def _launch(self) -> _Process:
        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or str(os.getcwd()) for path in sys.path),  # noqa: PTH109
            # More threads would take turns with the other workers, and sum in another order.
            **dict.fromkeys(THREAD_VARIABLES, "1"),
        }
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", SERVE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                process_group=0,  # Ctrl-C in a terminal reaches the parent alone
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("MMGCN_DEBUG") else subprocess.DEVNULL,
            )
        made = _Process(process, Connection(ours.detach()))
        self._send(made, self._setup)
        return made

    def _feed(self, process: _Process) -> None:
        while self._waiting:
            # A clip that was near a crash goes alone, so that a second crash has one suspect.
            suspects = [self._waiting[0].index, *process.in_flight]
            if process.in_flight and any(index in self._attempts for index in suspects):
                return
            # The last clips are shared out evenly.
            share = len(self._waiting) // len(self._processes)
            if len(process.in_flight) - len(process.rows_had) > min(share, MAX_QUEUED):
                return
            job = self._waiting.popleft()
            process.in_flight[job.index] = job
            self._send(process, job)

    @staticmethod
    def _send(process: _Process, message: object) -> None:
        try:
            send(process.connection, message)
        except (BrokenPipeError, ConnectionError):
            return  # its end is noticed when it is listened to

    def _listen(self, process: _Process) -> Iterator[Event]:
        for _ in range(MAX_HEARD):
            try:
                if not process.connection.poll():
                    return
                said = receive(process.connection)
                if getattr(said, "index", None) not in (None, *process.in_flight):
                    raise ValueError("the worker speaks of a clip that it was not given")
            except (EOFError, ConnectionError):
                yield from self._bury(process)
                return
            except Exception:  # noqa: BLE001  (who knows what a file made of a decoder)
                self._kill(process, "the decoder was corrupted")
                yield from self._bury(process)
                return
            if isinstance(said, Decoded | RowsOf | UnitsOf):
                yield said
            self._account(process, said)

    def _account(self, process: _Process, said: object) -> None:
        match said:
            case Ready(error=None):
                process.ready, process.ready_bytes = True, said.resident_bytes
            case Ready(error=error):
                raise WorkerError(f"a worker could not start: {error}")
            case Broken(error=error):
                raise WorkerError(error)
            case Started(index=index):
                process.reading, process.allowed_seconds = index, 0.0
                process.decode_seconds, process.running_since = 0.0, time.monotonic()
                process.rows_had[index] = set()
            case Allowed(seconds=seconds):
                process.allowed_seconds = seconds
            case Clock(decode_seconds=seconds, running=running):
                process.decode_seconds = seconds
                process.running_since = time.monotonic() if running else None
            case RowsOf(index=index, encoder=place):
                process.rows_had[index].add(place)
                self._finish_if_done(process, index)
            case Decoded(index=index, error=error):
                process.reading = process.running_since = None
                process.decoded.add(index)
                if error is not None or not self._setup.encodes:
                    process.rows_had[index].update(process.in_flight[index].encoders)
                self._finish_if_done(process, index)

    def _finish_if_done(self, process: _Process, index: int) -> None:
        job = process.in_flight[index]
        if index in process.decoded and process.rows_had[index] >= set(job.encoders):
            del process.in_flight[index], process.rows_had[index]
            process.decoded.discard(index)
            self._attempts.pop(index, None)

    def _watch(self) -> None:
        now = time.monotonic()
        gap_seconds = now - self._watched_at
        if gap_seconds < TICK_SECONDS:
            return
        self._watched_at = now
        for process in self._processes:
            if gap_seconds > ASLEEP_SECONDS and process.running_since is not None:
                awake_since = process.running_since + gap_seconds - ASLEEP_SECONDS
                process.running_since = min(awake_since, now)
            if process.killed_for is not None or not process.ready or process.connection.poll():
                continue  # what it has said is listened to first
            limit = self._setup.config.clip_timeout_seconds + process.allowed_seconds
            if (
                process.running_since is not None
                and process.decode_seconds + now - process.running_since > limit
            ):
                self._kill(process, f"took longer than {limit:.0f} s to decode")
            grown = resident_bytes(process.process.pid) - process.ready_bytes
            if grown > self._setup.config.clip_memory_bytes:
                most = self._setup.config.clip_memory_bytes / 2**30
                self._kill(process, f"needed more than {most:g} GiB of memory")

    @staticmethod
    def _kill(process: _Process, reason: str) -> None:
        process.killed_for = reason
        process.process.kill()

    def _bury(self, process: _Process) -> Iterator[Event]:
        """Say what became of the clips of a worker that is no more."""
        process.connection.close()
        code = process.process.wait()
        self._processes.remove(process)
        if process.finishing and code == 0:
            return
        if not process.ready and process.killed_for is None:
            raise WorkerError(f"a worker ended before it was ready ({_exit(code)})")
        reason = process.killed_for or f"the decoder crashed ({_exit(code)})"
        for index, job in reversed(process.in_flight.items()):
            if index not in process.rows_had:  # it was not begun
                self._waiting.appendleft(job)
                continue
            attempts = self._attempts[index] = self._attempts.get(index, 0) + 1
            alone = len(process.rows_had) == 1 and attempts > 1
            if index == process.reading or alone or attempts >= MAX_ATTEMPTS:
                del self._attempts[index]
                yield Decoded(index, error=reason)
            else:  # rows that came are kept; only the others are done again
                left = tuple(p for p in job.encoders if p not in process.rows_had[index])
                self._waiting.appendleft(replace(job, encoders=left))


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
