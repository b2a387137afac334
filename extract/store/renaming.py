"""Atomic renaming: whether a file system supports it, and safe writes if it does not.

A store writes a file under a temporary name and then renames it, so that it is complete or absent.
Some mounted object stores and network file systems cannot replace a file atomically. There, a file
is first written beside its target and read back; a marker then records that it is complete; only
then is the target written. An interruption leaves the old file, or a marker from which the next
writer finishes.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

PROBE = ".probe"
_without: set[int] = set()  # devices whose file systems cannot replace a file atomically


class WriteVerificationError(OSError):
    """A file does not contain what was written to it."""


def probe(root: Path) -> bool:
    """Return whether files in a folder are replaced atomically, and remember it.

    Raises:
        OSError: the folder cannot be written.
    """
    name = f"{PROBE}.{socket.gethostname()}.{os.getpid()}"  # shards probe at the same time
    old, new = root / f"{name}.old", root / f"{name}.new"
    try:
        old.write_bytes(b"old")
        new.write_bytes(b"new")
        try:
            os.replace(new, old)  # noqa: PTH105  (what every write of a store calls)
            works = old.read_bytes() == b"new" and not new.exists()
        except OSError:
            works = False
    finally:
        for path in (old, new):
            path.unlink(missing_ok=True)
    device = root.stat().st_dev
    if works:
        _without.discard(device)
    else:
        _without.add(device)
    return works


def renames_atomically(folder: Path) -> bool:
    """Return the result of `probe` for the file system of a folder; True without a probe."""
    return not _without or folder.stat().st_dev not in _without


def write_without_renaming(path: Path, parts: Iterable[bytes], *, marked: bool) -> None:
    """Write a file without renaming.

    Args:
        path: the file.
        parts: its content.
        marked: whether an interruption must leave the old file or the new one. Otherwise it leaves
            none, or a part of the new one, which its record or its shape reveals.

    Raises:
        WriteVerificationError: the file does not contain what was written.
    """
    if not marked:
        path.unlink(missing_ok=True)
        _write(path, parts)
        return
    beside, marker = _beside(path), _marker(path)
    marker.unlink(missing_ok=True)
    digest = _write(beside, parts)
    _write(marker, [digest.encode()])
    _write(path, [beside.read_bytes()])
    marker.unlink()
    beside.unlink()


def finish_marked_writes(root: Path) -> None:
    """Finish the marked writes of an interrupted `write_without_renaming` in a store.

    Also removes leftovers of an interrupted `probe`.
    """
    for leftover in root.glob(f"{PROBE}.*"):
        leftover.unlink()
    for marker in [*root.glob("*/.*.whole"), *root.glob("*/*/.*.whole")]:
        path = marker.with_name(marker.name.removeprefix(".").removesuffix(".whole"))
        beside = _beside(path)
        if beside.exists():
            data = beside.read_bytes()
            if hashlib.blake2b(data).hexdigest() == marker.read_text():
                _write(path, [data])
        marker.unlink()
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _marker(path: Path) -> Path:
    return path.with_name(f".{path.name}.whole")


def _write(path: Path, parts: Iterable[bytes]) -> str:
    """Write a file, fsync it, compare its content, and return its hash."""
    written = hashlib.blake2b()
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
            written.update(part)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        found = hashlib.file_digest(file, hashlib.blake2b)
    if found.digest() != written.digest():
        raise WriteVerificationError(
            f"{path} does not contain what was written to it; check the disk"
        )
    return written.hexdigest()
