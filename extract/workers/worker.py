"""A worker process: decodes clips and, on a CPU, encodes them.

`main` runs in an interpreter of its own, connected to its parent by a file descriptor. It does not
import the parent's `__main__`, so it works from a notebook and from a script without a guard. A
broken file can crash only this process.
"""

from __future__ import annotations

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
from extract.workers.batcher import BatchedEncoders
from extract.workers.decoder import ClipDecoder, PosterError
from extract.workers.messages import (
    Broken,
    Clock,
    Decoded,
    Finish,
    Job,
    Ready,
    Setup,
    Started,
    UnitsOf,
)
from extract.workers.process import die_with_parent, limit_memory, resident_bytes
from extract.workers.wire import receive, send


class Worker:
    """The loop of a worker: receives jobs, sends rows or units."""

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection = connection
        self._waiting: deque[Job] = deque()
        config = setup.config
        encoders = [spec.build() if spec is not None else None for spec in setup.encoders]
        self._decoder = ClipDecoder(
            encoders,
            sampling=config.sampling,
            limits=config.limits or Limits(),
            posters=None if config.posters is None else Path(config.posters),
            sprites=None if config.sprites is None else Path(config.sprites),
        )
        loaded = {}
        if setup.encodes:
            for target, encoder in enumerate(encoders):
                if encoder is not None:
                    encoder.load("cpu", engine=config.engine)
                    loaded[target] = encoder
        self._encoders = BatchedEncoders(loaded)

    def run(self) -> None:
        """Work until the parent sends `Finish` or ends."""
        while (job := self._next_job()) is not None:
            self._do(job)

    def _next_job(self) -> Job | None:
        """Receive the messages that have arrived; wait if there are none and no job."""
        while self._connection.poll() or not self._waiting:
            if not self._connection.poll():
                self._flush()  # no further clip fills the batches
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
        self._send(Started(job.index))
        decode_seconds = 0.0
        messages = self._decoder.read(job)
        while True:
            started = time.perf_counter()
            message = next(messages, None)
            decode_seconds += time.perf_counter() - started
            if message is None:
                break
            if isinstance(message, UnitsOf):
                self._encode(message, decode_seconds)
            elif isinstance(message, Decoded):
                spent = decode_seconds - message.hash_seconds
                self._send(replace(message, decode_seconds=spent))
                failed = message.error is not None
                self._encoders.end(job.index, job.encoders, failed=failed)
            else:
                self._send(message)
        self._send_rows()

    def _encode(self, units: UnitsOf, decode_seconds: float) -> None:
        """Encode units, or send them to the parent. The clip's clock is stopped meanwhile."""
        if units.encoder not in self._encoders:
            self._send(units)
        elif self._encoders.fill_a_batch(units):
            self._send(Clock(decode_seconds, running=False))
            self._guarded(lambda: self._encoders.add(units))
        else:
            self._encoders.add(units)
            return
        self._send(Clock(decode_seconds, running=True))

    def _flush(self) -> None:
        self._guarded(self._encoders.flush)
        self._send_rows()

    def _send_rows(self) -> None:
        for rows in self._encoders.ready():
            self._send(rows)

    def _guarded(self, encode: Callable[[], None]) -> None:
        try:
            encode()
        except Exception as error:
            self._send(Broken(f"an encoder failed: {type(error).__name__}: {error}"))
            raise SystemExit(1) from error

    def _send(self, message: object) -> None:
        send(self._connection, message)


def why_not_loaded(error: Exception) -> str:
    """Return an error's message, with its type if the message is not written for users."""
    written = isinstance(error, ImportError | ValueError | WeightsUnavailable)
    return str(error) if written else repr(error)


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
        except Exception as error:  # noqa: BLE001  (sent to the parent, which raises it)
            send(connection, Ready(error=why_not_loaded(error)))
            return
        send(connection, Ready(resident_bytes()))
        try:
            worker.run()
        except PosterError as error:
            send(connection, Broken(str(error)))
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # the parent has ended


if __name__ == "__main__":
    main()
