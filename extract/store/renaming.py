"""Renaming: whether a file system gives a file another's name in one step, and what to do if not.

Stores rest on that: a file is written under another name and then renamed, so that it is there
whole or not at all. Some mounted object stores and network file systems cannot. There, a file is
first written beside its place and read back; a mark then says that it is whole; only then is the
place itself written. Whoever is interrupted leaves the old file, or a mark from which the next
writer finishes.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

PROBE = ".probe"
_without: set[int] = set()  # devices whose file systems do not rename in one step


class NotWritten(OSError):
    """A file does not hold what was written to it."""


def look(root: Path) -> bool:
    """Return whether files under a folder are renamed in one step; it is remembered.

    Raises:
        OSError: the folder cannot be written.
    """
    name = f"{PROBE}.{socket.gethostname()}.{os.getpid()}"  # shards look side by side
    old, new = root / f"{name}.old", root / f"{name}.new"
    try:
        old.write_bytes(b"old")
        new.write_bytes(b"new")
        try:
            os.replace(new, old)  # noqa: PTH105  (what every write of a store comes down to)
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


def works(folder: Path) -> bool:
    """Whether files in a folder are renamed in one step, as far as `look` has seen."""
    return not _without or folder.stat().st_dev not in _without


def write_in_place(path: Path, parts: Iterable[bytes], *, marked: bool) -> None:
    """Write a file where renaming does not work.

    Args:
        marked: whether an interruption must leave the old file or the new one. Otherwise it leaves
            none, or a part of the new one, which its record or its shape gives away.

    Raises:
        NotWritten: what can be read back is something else.
    """
    if not marked:
        path.unlink(missing_ok=True)
        _write(path, parts)
        return
    beside, mark = _beside(path), _mark(path)
    mark.unlink(missing_ok=True)
    digest = _write(beside, parts)
    _write(mark, [digest.encode()])
    _write(path, [beside.read_bytes()])
    mark.unlink()
    beside.unlink()


def finish_marked(root: Path) -> None:
    """Finish what an interrupted `write_in_place` has marked in a store's folders.

    And remove what an interrupted `look` has left there.
    """
    for probe in root.glob(f"{PROBE}.*"):
        probe.unlink()
    for mark in [*root.glob("*/.*.whole"), *root.glob("*/*/.*.whole")]:
        path = mark.with_name(mark.name.removeprefix(".").removesuffix(".whole"))
        beside = _beside(path)
        if beside.exists():
            data = beside.read_bytes()
            if hashlib.blake2b(data).hexdigest() == mark.read_text():
                _write(path, [data])
        mark.unlink()
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.whole")


def _write(path: Path, parts: Iterable[bytes]) -> str:
    """Write a file, wait for the disk, compare what is there; return its hash."""
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
        raise NotWritten(f"{path} does not hold what was written to it; is the disk sound?")
    return written.hexdigest()
