"""A worker process: decodes clips and, on a CPU, encodes them too.

`main` runs in an interpreter of its own and speaks with its parent over a file descriptor. It
imports nothing of the parent's `__main__`, so it works from a notebook and from a script without a
guard. Whatever a broken file does to it, it does to this process alone.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from extract.media import Limits
from extract.weights import WeightsUnavailable
from extract.workers.batcher import Batcher
from extract.workers.decoder import ClipDecoder, PosterError
from extract.workers.messages import (
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

PR_SET_PDEATHSIG = 1  # Linux's prctl.h
HEADROOM_BYTES = 256 << 20


class Worker:
    """The loop of a worker: jobs come in; rows, or units, go out."""

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection = connection
        self._waiting: deque[Job] = deque()
        encoders = [spec.build() if spec is not None else None for spec in setup.encoders]
        config = setup.config
        self._decoder = ClipDecoder(
            encoders,
            sampling=config.sampling,
            limits=config.limits or Limits(),
            posters=None if config.posters is None else Path(config.posters),
        )
        self._batchers: dict[int, Batcher] = {}
        if setup.encodes:
            for place, encoder in enumerate(encoders):
                if encoder is not None:
                    encoder.load("cpu", engine=config.engine)
                    self._batchers[place] = Batcher(encoder)

    def run(self) -> None:
        """Work until the parent says that it is enough, or is gone."""
        while (job := self._next_job()) is not None:
            self._do(job)

    def _next_job(self) -> Job | None:
        """Take what has arrived, and wait if that is nothing."""
        while self._connection.poll() or not self._waiting:
            if not self._connection.poll():
                self._flush()  # nobody is coming to fill the batches
            try:
                message = receive(self._connection)
            except EOFError:
                return None
            if isinstance(message, Finish):
                self._flush()
                return None
            self._waiting.append(message)
        return self._waiting.popleft()

    def _do(self, job: Job) -> None:
        self._say(Started(job.index))
        decode_seconds = 0.0
        messages = self._decoder.read(job)
        while True:
            started = time.perf_counter()
            message = next(messages, None)
            decode_seconds += time.perf_counter() - started
            if message is None:
                break
            if isinstance(message, UnitsOf):
                self._hand_on(message, decode_seconds)
            elif isinstance(message, Decoded):
                spent = decode_seconds - message.hash_seconds
                self._say(replace(message, decode_seconds=spent))
                for place in job.encoders if self._batchers else ():
                    if message.error is not None:
                        self._batchers[place].drop(job.index)
                    else:
                        self._batchers[place].close(job.index)
            else:
                self._say(message)
        self._report()

    def _hand_on(self, units: UnitsOf, decode_seconds: float) -> None:
        """Encode units, or let the parent do it. The clip's clock stands still meanwhile."""
        batcher = self._batchers.get(units.encoder)
        if batcher is None:
            self._say(units)
        elif batcher.fills_with(len(units.units)):
            self._say(Clock(decode_seconds, running=False))
            self._guarded(lambda: batcher.add(units.index, units.units, units.pts_seconds))
        else:
            batcher.add(units.index, units.units, units.pts_seconds)
            return
        self._say(Clock(decode_seconds, running=True))

    def _flush(self) -> None:
        for batcher in self._batchers.values():
            self._guarded(batcher.flush)
        self._report()

    def _report(self) -> None:
        for place, batcher in self._batchers.items():
            spent, batcher.encode_seconds = batcher.encode_seconds, 0.0
            for clip, rows, pts_seconds in batcher.ready():
                self._say(RowsOf(clip, place, rows, pts_seconds, spent, batcher.cosine))
                spent = 0.0
            batcher.encode_seconds += spent  # told with the next rows

    def _guarded(self, encode: Callable[[], None]) -> None:
        try:
            encode()
        except Exception as error:
            self._say(Broken(f"an encoder failed: {type(error).__name__}: {error}"))
            raise SystemExit(1) from error

    def _say(self, message: object) -> None:
        send(self._connection, message)


def resident_bytes(pid: int | None = None) -> int:
    """Return how much memory a process holds, this one by default; 0 where nobody says."""
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def why_not_loaded(error: Exception) -> str:
    """Say what an encoder said; where its words were not meant for users, with their kind."""
    meant = isinstance(error, ImportError | ValueError | WeightsUnavailable)
    return str(error) if meant else repr(error)


def die_with_parent() -> None:
    """Ask the system to end this process when its parent ends, however that ends (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(growth_bytes: int) -> None:
    """Let an allocation fail that would take this process so far beyond what it has now (Linux).

    The parent looks at memory, too, but only now and then.
    """
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file of its memory
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            most = (int(line.split()[1]) << 10) + growth_bytes + HEADROOM_BYTES
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            if hard == resource.RLIM_INFINITY or most < hard:
                resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def main() -> None:
    """Serve the parent whose connection is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    die_with_parent()
    connection = Connection(int(sys.argv[1]))
    try:
        setup = receive(connection)
        try:
            worker = Worker(connection, setup)
            limit_memory(setup.config.clip_memory_bytes)
        except Exception as error:  # noqa: BLE001  (told to the parent, which raises it)
            send(connection, Ready(error=why_not_loaded(error)))
            return
        send(connection, Ready(resident_bytes()))
        try:
            worker.run()
        except PosterError as error:
            send(connection, Broken(str(error)))
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # the parent is gone
