"""Files of a store: a safe file name for any id, atomic writes, and errors with a remedy."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from uuid import uuid4

from extract.store.renaming import renames_atomically, write_without_renaming

MAX_NAME_BYTES = 200  # file systems allow 255; room for the suffix and a temporary's prefix
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

_FREE_SPACE = "free some space and run the same command again: finished items are kept"
REMEDIES = {
    errno.ENOSPC: f"the disk is full; {_FREE_SPACE}",
    errno.EDQUOT: f"your quota is used up; {_FREE_SPACE}",
    errno.EFBIG: "the file would be larger than the system allows; see ulimit -f",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; choose a folder that you may write",
    errno.EPERM: "permission denied; choose a folder that you may write",
    errno.ENOTDIR: "a file is in the place of a folder; choose another folder",
    errno.EEXIST: "a file is in the place of a folder; choose another folder",
}


class StoreError(OSError):
    """The store cannot be read or written; the message says why and what to do."""


def file_name(item_id: str) -> str:
    """Return the file name of an item's rows, without suffix.

    Percent-encoding gives distinct ids distinct names inside the folder. Capital letters are
    encoded too, so that `A` and `a` are two files on a case-insensitive file system, and so are
    non-ASCII characters, so that no file system normalises them. An id that is too long for a file
    name is shortened and gets a hash.

    >>> file_name("my.day v1.2")
    'my.day%20v1.2'
    >>> file_name("../A"), file_name(".")
    ('%2E.%2F%41', '%2E')
    """
    name = "".join(
        # No hidden files, no `.` and `..`.
        character if character in PLAIN and not (index == 0 and character == ".") else encoded
        for index, character in enumerate(item_id)
        for encoded in ["".join(f"%{b:02X}" for b in character.encode("utf-8", "surrogatepass"))]
    )
    if len(name) <= MAX_NAME_BYTES:
        return name
    # `%~` is not an encoded character, so no short id has such a name.
    return (
        f"{name[: MAX_NAME_BYTES - 40]}%~{content_hash(item_id.encode('utf-8', 'surrogatepass'))}"
    )


def content_hash(data: bytes) -> str:
    """Return the BLAKE2b-128 of the data as hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_atomically(path: Path, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
    """Write a file completely or not at all: under a temporary name, then renamed.

    On file systems without atomic renaming see `renaming`: an interruption may leave an incomplete
    file if it is not durable.

    Args:
        path: the file.
        data: its content, or parts of it.
        durable: whether to fsync, which takes some milliseconds. A killed process loses nothing
            either way; without fsync, a power failure may lose the file or its content.
    """
    if not renames_atomically(path.parent):
        write_without_renaming(path, [data] if isinstance(data, bytes) else data, marked=durable)
        return
    # Random: shards on several machines may have the same process id and write the same files.
    temporary = path.with_name(f".{path.name[:64]}.{uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in [data] if isinstance(data, bytes) else data:
                file.write(part)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append_atomically(path: Path, line: bytes) -> None:
    """Append a line completely or not at all.

    An incomplete line of a killed process is terminated first, so that only that line is lost.
    """
    with path.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end > 0:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line
        write_or_truncate(file, line, end)


def write_or_truncate(file: FileIO, data: bytes, end: int) -> None:
    """Write all of the data, or cut the file to `end` bytes and raise."""
    try:
        while data:  # a full disk may have written a part
            data = data[file.write(data) :]
    except BaseException:
        with suppress(OSError):
            file.truncate(end)
        raise


def has_content(path: Path, data: bytes) -> bool:
    """Return whether the file exists with this content."""
    return path.exists() and path.read_bytes() == data


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Raise system errors of a write as `StoreError` with the path and a remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError) or error.errno is None:  # has a message of its own
            raise
        why = REMEDIES.get(error.errno, error.strerror)
        raise StoreError(f"cannot write {path}: {why}") from error
