"""Files of a store: names that any id can have, and writes that happen whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from extract.store.renaming import works, write_in_place

MAX_NAME_BYTES = 200  # file systems allow 255; room for the suffix and a temporary's prefix
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

_GO_ON = "free some space and run the same command again: what is finished is kept"
WAYS_OUT = {
    errno.ENOSPC: f"the disk is full; {_GO_ON}",
    errno.EDQUOT: f"your quota is used up; {_GO_ON}",
    errno.EFBIG: "the file would be larger than the system allows; see ulimit -f",
    errno.EROFS: "the file system is read-only; name another folder with --out",
    errno.EACCES: "permission denied; name a folder that you may write with --out",
    errno.EPERM: "permission denied; name a folder that you may write with --out",
    errno.ENOTDIR: "a file stands where a folder is needed; name another folder with --out",
    errno.EEXIST: "a file stands where a folder is needed; name another folder with --out",
}


class StoreError(OSError):
    """The store cannot be read or written as asked; the message says why and what to do."""


def file_name(item_id: str) -> str:
    """Return the name under which an item's rows are stored, without suffix.

    Percent-encoding keeps every id apart from every other and out of every other folder. Capital
    letters are encoded too, so that `A` and `a` stay two files where the file system does not
    tell them apart, and so is all that is not ASCII, so that no file system normalises it. An id
    too long for a file name keeps its beginning and gets a hash.

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
    # `%~` starts no encoded character, so no short id has such a name.
    return (
        f"{name[: MAX_NAME_BYTES - 40]}%~{content_hash(item_id.encode('utf-8', 'surrogatepass'))}"
    )


def content_hash(data: bytes) -> str:
    """Return the BLAKE2b-128 of the data as hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_atomically(path: Path, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
    """Write the file whole or not at all: under another name, then renamed.

    Where that does not work, see `renaming`: a file that is not durable may be left in part.

    Args:
        durable: whether to wait until it is on the disk, some milliseconds. A process that is
            killed loses nothing either way; a machine that loses its power may lose the file, or
            what is in it.
    """
    if not works(path.parent):
        write_in_place(path, [data] if isinstance(data, bytes) else data, marked=durable)
        return
    # By chance: shards on several machines have equal numbers, and some files in common.
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


def append_whole(path: Path, line: bytes) -> None:
    """Append a line whole or not at all.

    What a killed process left of a line gets an end first, so that it spoils no other line.
    """
    with path.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end > 0:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line
        try:
            while line:  # a disk that runs full takes a part
                line = line[file.write(line) :]
        except BaseException:
            with suppress(OSError):
                file.truncate(end)
            raise


def holds(path: Path, data: bytes) -> bool:
    """Whether the file is there and these are its bytes."""
    return path.exists() and path.read_bytes() == data


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says of a write into what a person can do about it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError) or error.errno not in WAYS_OUT:
            raise
        raise StoreError(f"cannot write {path}: {WAYS_OUT[error.errno]}") from error
