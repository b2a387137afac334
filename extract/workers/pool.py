"""WorkerPool: supervised worker processes, replaced when a clip crashes one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from extract.workers.messages import Broken, Decoded, Finish, Job, Ready, RowsOf, Setup, UnitsOf
from extract.workers.process import THREAD_VARIABLES, resident_bytes
from extract.workers.state import Failed, WorkerState
from extract.workers.wire import receive, send

MAX_MESSAGES = 64  # from one worker, before the next one has its turn
TICK_SECONDS = 0.25
# Maximum time counted between two ticks. If more has passed, the machine was suspended (a frozen
# container, a stopped job), which does not count against a clip.
ASLEEP_SECONDS = 10.0

Event = Decoded | RowsOf | UnitsOf


class WorkerError(RuntimeError, ValueError):
    """A worker could not start, or an encoder failed; never caused by a broken clip."""


class _Process:
    """A worker process, the connection to it, and its state."""

    def __init__(self, setup: Setup) -> None:
        parent_socket, child_socket = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or str(os.getcwd()) for path in sys.path),  # noqa: PTH109
            # More threads would compete with the other workers, and change the order of summation.
            **dict.fromkeys(THREAD_VARIABLES, "1"),
        }
        with child_socket:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "extract.workers.worker", str(child_socket.fileno())],
                pass_fds=[child_socket.fileno()],
                env=environment,
                process_group=0,  # Ctrl-C in a terminal reaches only the parent
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("MMGCN_DEBUG") else subprocess.DEVNULL,
            )
        self.connection = Connection(parent_socket.detach())
        self.state = WorkerState(setup.encodes)
        self.send(setup)

    def send(self, message: object) -> None:
        try:
            send(self.connection, message)
        except (BrokenPipeError, ConnectionError):
            return  # its end is noticed when messages are received

    def kill(self, reason: str) -> None:
        self.state.killed_for = reason
        self.process.kill()


class WorkerPool:
    """Hands jobs to workers and yields their results.

    Every job ends in a `Decoded`. If its worker dies, hangs or exceeds the limits, the reason is
    the error of that `Decoded`; the worker is replaced, and its other clips are extracted again.

    Args:
        setup: configuration of every worker.
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
        """Start workers on these jobs; `events` receives their messages."""
        self._waiting.extend(jobs)
        self._staff()

    def stop(self) -> None:
        """Start no further clip; `events` ends once the clips in progress are done."""
        self.stopping = True

    def events(self, *, poll: Callable[[], None]) -> Iterator[Event]:
        """Yield results until every job is done; calls `poll` a few times a second.

        Raises:
            WorkerError: a worker cannot start, or an encoder failed.
        """
        while self._unfinished():
            self._staff()
            connections: list[Any] = [process.connection for process in self._processes]
            for connection in wait(connections, TICK_SECONDS):
                process = next(p for p in self._processes if p.connection is connection)
                yield from self._receive(process)
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
            return bool(
                self._processes
            )  # each ends after sending the results of its clips in progress
        return bool(self._waiting) or any(process.state.is_busy for process in self._processes)

    def _staff(self) -> None:
        """Start workers for the waiting jobs and assign jobs, or end workers when stopping."""
        if self.stopping:
            for process in list(self._processes):
                if not process.state.ready:  # its encoders are not needed any more
                    self._end(process)
                elif not process.state.finishing:
                    process.state.finishing = True
                    process.send(Finish())
            return
        num_busy = sum(process.state.is_busy for process in self._processes)
        while len(self._processes) < min(self._num_workers, num_busy + len(self._waiting)):
            self._processes.append(_Process(self._setup))
        for process in self._processes:
            while self._waiting and process.state.accepts(
                self._waiting[0].index,
                num_waiting=len(self._waiting),
                num_workers=len(self._processes),
                suspects=set(self._attempts),
            ):
                job = self._waiting.popleft()
                process.state.assign(job)
                process.send(job)

    def _receive(self, process: _Process) -> Iterator[Event]:
        for _ in range(MAX_MESSAGES):
            try:
                if not process.connection.poll():
                    return
                message = receive(process.connection)
                finished = process.state.apply(message, time.monotonic())
            except (EOFError, ConnectionError):
                yield from self._replace(process)
                return
            except Exception:  # noqa: BLE001  (a file may have turned a decoder into anything)
                process.kill("the decoder was corrupted")
                yield from self._replace(process)
                return
            match message:
                case Ready(error=str(error)):
                    raise WorkerError(f"a worker could not start: {error}")
                case Broken(error=error):
                    raise WorkerError(error)
                case Decoded() | RowsOf() | UnitsOf():
                    yield message
            if finished is not None:
                self._attempts.pop(finished, None)

    def _watch(self) -> None:
        """Kill workers that exceed the limits on time or memory."""
        now = time.monotonic()
        gap_seconds = now - self._watched_at
        if gap_seconds < TICK_SECONDS:
            return
        self._watched_at = now
        config = self._setup.config
        for process in self._processes:
            state = process.state
            if gap_seconds > ASLEEP_SECONDS:
                state.forgive(gap_seconds - ASLEEP_SECONDS, now)
            if state.killed_for is not None or not state.ready or process.connection.poll():
                continue  # after receiving the messages that have arrived
            if state.is_overdue(config.clip_timeout_seconds, now):
                limit = config.clip_timeout_seconds + state.allowed_seconds
                process.kill(f"took longer than {limit:.0f} s to decode")
            grown = resident_bytes(process.process.pid) - state.ready_bytes
            if grown > config.clip_memory_bytes:
                process.kill(f"needed more than {config.clip_memory_gib:g} GiB of memory")

    def _replace(self, process: _Process) -> Iterator[Event]:
        """Yield the failed clips of a dead worker, and queue its other clips again."""
        process.connection.close()
        code = process.process.wait()
        self._processes.remove(process)
        state = process.state
        if state.finishing and code == 0:
            return
        if not state.ready and state.killed_for is None:
            raise WorkerError(f"a worker ended before it was ready ({_exit(code)})")
        reason = state.killed_for or f"the decoder crashed ({_exit(code)})"
        for outcome in state.after_death(self._attempts):
            if isinstance(outcome, Failed):
                yield Decoded(outcome.index, error=reason)
            else:
                self._waiting.appendleft(outcome)


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
