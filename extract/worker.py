"""A worker process: decodes clips and, on a CPU, encodes them too.

`main` runs in an interpreter of its own and speaks with its parent over a file descriptor. It
imports none of the parent's `__main__`, so it works from a notebook and from a script without a
guard. Whatever a broken file does to it, it does to this process alone.
"""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from extract.batching import Batcher
from extract.catalog import Item
from extract.encoder import Encoder, Engine
from extract.media import Frames, Limits, MediaError, MediaReader, Sampling, Summary, Waveform
from extract.windows import WindowCutter

HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class EncoderSpec:
    """Which encoder to build, in words that another process understands."""

    module: str
    qualname: str
    weights: str | None

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderSpec:
        """Describe an encoder."""
        made = type(encoder)
        return cls(made.__module__, made.__qualname__, encoder.given_weights)

    def build(self) -> Encoder:
        """Make the encoder; it is not loaded."""
        member: Any = import_module(self.module)
        for name in self.qualname.split("."):
            member = getattr(member, name)
        encoder: Encoder = member(self.weights)
        return encoder


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know before its first clip."""

    encoders: tuple[EncoderSpec, ...]
    encodes: bool
    engine: Engine
    sampling: Sampling
    limits: Limits
    num_threads: int
    posters: Path | None = None


@dataclass(frozen=True)
class Job:
    """One clip and the encoders, by their place in the setup, that want it."""

    index: int
    item: Item
    encoders: tuple[int, ...]


# What a worker says. `index` is that of the job.


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its encoders; `error` says why it has not."""

    error: str | None = None


@dataclass(frozen=True)
class Started:
    """The worker opens this clip now: if it dies, this clip is why."""

    index: int


@dataclass(frozen=True)
class UnitsOf:
    """Units for the parent to encode."""

    index: int
    encoder: int
    units: Any
    pts_seconds: Any


@dataclass(frozen=True)
class Decoded:
    """The clip is read to its end, or `error` says why it could not be."""

    index: int
    content_hash: str = ""
    title: str | None = None
    error: str | None = None
    summary: Summary | None = None
    has_picture: bool = False
    has_sound: bool = False
    seconds_spent: float = 0.0


@dataclass(frozen=True)
class RowsOf:
    """Rows of one clip by one encoder, complete."""

    index: int
    encoder: int
    rows: Any
    pts_seconds: tuple[float, ...]
    seconds_spent: float = 0.0


@dataclass(frozen=True)
class EncodingFailed:
    """An encoder raised on units of these clips."""

    encoder: int
    error: str


@dataclass
class Decoder:
    """Reads one clip for several encoders in one pass."""

    encoders: list[Encoder]
    sampling: Sampling
    limits: Limits
    posters: Path | None = None
    summary: Summary | None = field(default=None, init=False)

    def read(self, job: Job) -> Iterator[UnitsOf | Decoded]:
        """Yield the clip's units as they come, and at the end what came of it."""
        started = time.perf_counter()
        path = job.item.path
        assert path is not None
        wanted = {index: self.encoders[index] for index in job.encoders}
        pictures = [i for i, encoder in wanted.items() if encoder.reads == "frames"]
        cutters = {
            i: WindowCutter(encoder) for i, encoder in wanted.items() if encoder.reads == "waveform"
        }
        rates = sorted({wanted[i].sample_rate_hz for i in cutters})
        try:
            digest = file_hash(path)
            with MediaReader(
                path,
                sampling=self.sampling if pictures else None,
                sample_rate_hz=rates,
                limits=self.limits,
            ) as reader:
                poster = self.posters if pictures else None
                for block in reader:
                    if isinstance(block, Frames):
                        if poster is not None:
                            write_poster(poster, job.item.id, block)
                            poster = None
                        for index in pictures:
                            units = wanted[index].prepare(block)
                            yield UnitsOf(job.index, index, units, block.pts_seconds)
                    else:
                        yield from self._windows(job.index, block, wanted, cutters)
                for index, cutter in cutters.items():
                    for windows in cutter.finish():
                        units = wanted[index].prepare(windows)
                        yield UnitsOf(job.index, index, units, windows.pts_seconds)
                yield Decoded(
                    job.index,
                    content_hash=digest,
                    title=reader.info.title,
                    summary=reader.summary,
                    has_picture=reader.info.has_picture,
                    has_sound=reader.info.has_sound,
                    seconds_spent=time.perf_counter() - started,
                )
        except (MediaError, OSError, MemoryError) as error:
            yield Decoded(
                job.index,
                content_hash=file_hash(path, missing=""),
                error=str(error) or type(error).__name__,
                seconds_spent=time.perf_counter() - started,
            )

    @staticmethod
    def _windows(
        clip: int, block: Waveform, wanted: dict[int, Encoder], cutters: dict[int, WindowCutter]
    ) -> Iterator[UnitsOf]:
        for index, cutter in cutters.items():
            if wanted[index].sample_rate_hz == block.sample_rate:
                for windows in cutter.push(block.data):
                    units = wanted[index].prepare(windows)
                    yield UnitsOf(clip, index, units, windows.pts_seconds)


def write_poster(folder: Path, item_id: str, frames: Frames) -> None:
    """Write the middle frame of a block as a JPEG named like the item's rows."""
    import cv2

    from extract.store import file_name, write_atomically

    picture = cv2.cvtColor(frames.data[len(frames) // 2], cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{file_name(item_id)}.jpg", data.tobytes())


def file_hash(path: Path, *, missing: str | None = None) -> str:
    """Return the BLAKE2b-128 of a file's bytes as hex.

    Raises:
        OSError: the file cannot be read and no `missing` was given to return instead.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while chunk := file.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        if missing is None:
            raise
        return missing
    return digest.hexdigest()


class Worker:
    """The loop of a worker: jobs come in, rows (or units) go out."""

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection, self._setup = connection, setup
        encoders = [spec.build() for spec in setup.encoders]
        self._decoder = Decoder(encoders, setup.sampling, setup.limits, setup.posters)
        self._batchers: list[Batcher] = []
        if setup.encodes:
            import torch

            torch.set_num_threads(setup.num_threads)
            for encoder in encoders:
                encoder.load("cpu", engine=setup.engine)
            self._batchers = [Batcher(encoder) for encoder in encoders]

    def run(self) -> None:
        """Work until the parent closes the connection."""
        while True:
            if not self._connection.poll():
                self._flush()
            try:
                job = self._connection.recv()
            except EOFError:
                return
            self._do(job)

    def _do(self, job: Job) -> None:
        say = self._connection.send
        say(Started(job.index))
        for event in self._decoder.read(job):
            if isinstance(event, UnitsOf) and self._batchers:
                self._guarded(
                    event.encoder, lambda b, e=event: b.add(e.index, e.units, e.pts_seconds)
                )
            elif isinstance(event, Decoded) and self._batchers:
                say(event)
                for encoder in job.encoders:
                    batcher = self._batchers[encoder]
                    batcher.drop(job.index) if event.error else batcher.close(job.index)
            else:
                say(event)
        self._report()

    def _flush(self) -> None:
        for index in range(len(self._batchers)):
            self._guarded(index, Batcher.flush)
        self._report()

    def _report(self) -> None:
        for index, batcher in enumerate(self._batchers):
            spent, batcher.seconds = batcher.seconds, 0.0
            for clip, rows, pts_seconds in batcher.ready():
                self._connection.send(RowsOf(clip, index, rows, pts_seconds, spent))
                spent = 0.0

    def _guarded(self, index: int, act: Any) -> None:
        try:
            act(self._batchers[index])
        except Exception as error:
            self._connection.send(EncodingFailed(index, f"{type(error).__name__}: {error}"))
            raise SystemExit(1) from error


def main() -> None:
    """Serve the parent whose connection is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    connection = Connection(int(sys.argv[1]))
    try:
        setup = connection.recv()
    except EOFError:
        return
    try:
        worker = Worker(connection, setup)
    except Exception as error:  # noqa: BLE001  (told to the parent, which raises it)
        connection.send(Ready(f"{type(error).__name__}: {error}"))
        return
    connection.send(Ready())
    try:
        worker.run()
    except (BrokenPipeError, ConnectionError):
        return  # the parent is gone
