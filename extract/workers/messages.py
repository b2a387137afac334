"""Messages between a worker and its parent, and their encoding.

A message is a line of JSON and the bytes of its arrays, sent over a connection or packed as bytes.
Nothing is pickled: a worker reads untrusted files, so its messages are not trusted either.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from extract.catalog import AnyFile, RemoteFile
from extract.cluster import Cluster
from extract.config import ExtractConfig, Precision
from extract.encoder import Encoder
from extract.media import Coverage, Limits

KIND = "~"


@dataclass(frozen=True)
class EncoderSpec:
    """Name and arguments of an encoder, from which another process builds it."""

    module: str
    qualname: str
    weights: str | None
    precision: Precision = "float32"

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderSpec:
        """Describe an encoder.

        Raises:
            ValueError: another process cannot import it.
        """
        kind = type(encoder)
        if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
            raise ValueError(
                f"the encoder '{encoder.name}' is defined in {kind.__module__} as "
                f"{kind.__qualname__}, where workers cannot import it; move it to a module of its "
                "own, at the top level"
            )
        return cls(kind.__module__, kind.__qualname__, encoder.given_weights, encoder.precision)

    def build(self) -> Encoder:
        """Return the encoder, not loaded."""
        member: Any = import_module(self.module)
        for name in self.qualname.split("."):
            member = getattr(member, name)
        encoder: Encoder = member(self.weights)
        encoder.precision = self.precision
        return encoder


@dataclass(frozen=True)
class Setup:
    """What a worker needs before its first clip.

    Args:
        encoders: by slot; None where the worker does not use it.
        encodes: whether it encodes, or sends units to its parent.
    """

    encoders: tuple[EncoderSpec | None, ...]
    encodes: bool
    config: ExtractConfig


@dataclass(frozen=True)
class Job:
    """A clip, and the slots of its encoders; none where only its title is read."""

    index: int
    id: str
    path: AnyFile
    encoders: tuple[int, ...]


@dataclass(frozen=True)
class Finish:
    """To a worker: finish the current clip, send all rows, begin no further clip, and end."""


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its encoders, or `error` is the reason why not."""

    resident_bytes: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Started:
    """The worker opens this clip now: if it dies, this clip is the cause."""

    index: int


@dataclass(frozen=True)
class Allowed:
    """Seconds that the clip may take in addition to the timeout: it is large, or long."""

    index: int
    seconds: float


@dataclass(frozen=True)
class Clock:
    """Seconds spent on decoding the clip, and whether its clock runs or is stopped for encoding."""

    decode_seconds: float
    running: bool


@dataclass(frozen=True)
class UnitsOf:
    """Units of a clip, for an encoder.

    Shapes:
        units: (N, ...); pts_seconds: (N,) float64.
    """

    index: int
    encoder: int
    units: Any
    pts_seconds: np.ndarray


@dataclass(frozen=True)
class RowsOf:
    """All rows of one clip by one encoder, and their smallest cosine to float32 rows.

    Shapes:
        rows: (T, D) float32; pts_seconds: (T,) float64.
    """

    index: int
    encoder: int
    rows: np.ndarray
    pts_seconds: np.ndarray
    encode_seconds: float = 0.0
    cosine: float | None = None


@dataclass(frozen=True)
class FileFacts:
    """Size, time and hash of a file, by which a changed file is recognised."""

    size_bytes: int = 0
    mtime_ns: int = 0
    content_hash: str = ""


@dataclass(frozen=True)
class Decoded:
    """The clip was read to its end, or `error` is the reason why not."""

    index: int
    facts: FileFacts | None = None
    title: str | None = None
    error: str | None = None
    video: Coverage | None = None
    audio: Coverage | None = None
    has_video: bool = False
    has_audio: bool = False
    hash_seconds: float = 0.0
    decode_seconds: float = 0.0


@dataclass(frozen=True)
class Broken:
    """An error that no clip caused; it ends the run."""

    error: str


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(EncoderSpec, Setup, ExtractConfig, Cluster, Limits, Job, RemoteFile, Finish, Coverage),
        *(Ready, Started, Allowed, Clock, UnitsOf, RowsOf, FileFacts, Decoded, Broken),
    )
}


def send(connection: Connection, message: Any) -> None:
    """Send a message, and after it the bytes of its arrays."""
    arrays: list[np.ndarray] = []
    connection.send_bytes(json.dumps(_plain(message, arrays)).encode())
    for array in arrays:
        connection.send_bytes(array.tobytes() if array.size == 0 else array.data.cast("B"))


def receive(connection: Connection) -> Any:
    """Wait for the next message.

    Raises:
        EOFError: the other side has ended.
    """

    def fill(array: np.ndarray) -> None:
        if array.size == 0:
            connection.recv_bytes()
        else:
            connection.recv_bytes_into(array.data.cast("B"))

    return _built(json.loads(connection.recv_bytes()), fill)


def pack(message: Any) -> bytes:
    """Return a message as bytes: the length of its JSON, the JSON, and its arrays."""
    arrays: list[np.ndarray] = []
    head = json.dumps(_plain(message, arrays)).encode()
    return b"".join([len(head).to_bytes(8, "little"), head, *(a.tobytes() for a in arrays)])


def unpack(data: Any) -> Any:
    """Return the message that was packed.

    Args:
        data: bytes, or another object with the buffer protocol.

    Raises:
        ValueError: they are not the bytes of a message.
    """
    view = memoryview(data).cast("B")
    at = 8 + int.from_bytes(view[:8], "little")

    def fill(array: np.ndarray) -> None:
        nonlocal at
        part = view[at : at + array.nbytes]
        if array.size:
            array.data.cast("B")[:] = part
        at += array.nbytes

    return _built(json.loads(bytes(view[8:at])), fill)


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {KIND: "array", "dtype": value.dtype.str, "shape": value.shape}
    if isinstance(value, Path):
        return {KIND: "path", "path": str(value)}
    if isinstance(value, tuple):
        return [_plain(part, arrays) for part in value]
    if type(value).__name__ in KINDS:
        members = {field.name: getattr(value, field.name) for field in fields(value)}
        return {KIND: type(value).__name__} | {
            name: _plain(part, arrays) for name, part in members.items()
        }
    return value


def _built(value: Any, fill: Callable[[np.ndarray], None]) -> Any:
    if isinstance(value, list):
        return tuple(_built(part, fill) for part in value)
    if not isinstance(value, dict):
        return value
    kind = value.pop(KIND)
    if kind == "array":
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biuf":  # an object array would run code when it is read
            raise ValueError(f"an array of {dtype} was received; numbers are expected")
        array = np.empty(value["shape"], dtype=dtype)
        fill(array)
        return array
    if kind == "path":
        return Path(value["path"])
    return KINDS[kind](**{name: _built(part, fill) for name, part in value.items()})
