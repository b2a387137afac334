"""The encoding of messages between a worker and its parent.

A message is a line of JSON and the bytes of its arrays, sent over a connection or packed as bytes.
Nothing is pickled: a worker reads untrusted files, so its messages are not trusted either.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from extract.catalogue import RemoteFile
from extract.cluster import Cluster
from extract.config import ExtractConfig
from extract.media import Coverage, Limits
from extract.workers.messages import (
    Allowed,
    Broken,
    Clock,
    Decoded,
    EncoderSpec,
    FileFacts,
    Finish,
    Job,
    Ready,
    RowsOf,
    Setup,
    Started,
    UnitsOf,
)

KIND = "~"

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(EncoderSpec, Setup, ExtractConfig, Cluster, Limits, Job, RemoteFile, Finish, Coverage),
        *(Ready, Started, Allowed, Clock, UnitsOf, RowsOf, FileFacts, Decoded, Broken),
    )
}


def send(connection: Connection, message: object) -> None:
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


def pack(message: object) -> bytes:
    """Return a message as bytes: the length of its JSON, the JSON, and its arrays."""
    arrays: list[np.ndarray] = []
    head = json.dumps(_plain(message, arrays)).encode()
    return b"".join([len(head).to_bytes(8, "little"), head, *(a.tobytes() for a in arrays)])


def unpack(data: bytes | memoryview) -> Any:
    """Return the message that was packed.

    Args:
        data: bytes, or a buffer.

    Raises:
        ValueError: the bytes are not a message.
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


def _plain(value: object, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {KIND: "array", "dtype": value.dtype.str, "shape": value.shape}
    if isinstance(value, Path):
        return {KIND: "path", "path": str(value)}
    if isinstance(value, tuple):
        return [_plain(part, arrays) for part in value]
    if is_dataclass(value) and type(value).__name__ in KINDS:
        members = {field.name: getattr(value, field.name) for field in fields(value)}
        return {KIND: type(value).__name__} | {
            name: _plain(part, arrays) for name, part in members.items()
        }
    return value


def _built(value: object, fill: Callable[[np.ndarray], None]) -> Any:
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
