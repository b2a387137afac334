"""Lock of a store: one writer at a time, or several shards."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from extract.store.files import StoreError, explain_write_errors


@contextmanager
def writer_lock(root: Path, shard: str | None = None) -> Iterator[None]:
    """Lock a folder for writing, and create it if needed; a second writer fails at once.

    Shards share the lock: a shard fails if the same shard, or a writer without `shard`, is running.

    The operating system releases the lock when the process ends, for any reason; the content of
    `.lock` is only for the error message. On systems without such locks (Windows, some network
    file systems), a second writer is not detected.

    Raises:
        StoreError: another process has locked the folder, or it cannot be written.
    """
    with explain_write_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        file = (root / ".lock").open("a+", encoding="utf-8")
    with file, ExitStack() as stack:
        locked = [file]
        _lock(root, file, shared=shard is not None)
        if shard is not None:
            with explain_write_errors(root):
                path = root / f".lock-{shard}"
                shard_file = stack.enter_context(path.open("a+", encoding="utf-8"))
            _lock(root, shard_file, shared=False)
            locked.append(shard_file)
        with explain_write_errors(root):
            for each in locked:
                each.truncate(0)
                each.write(f"{os.getpid()} {socket.gethostname()}\n")
                each.flush()
        try:
            yield
        finally:
            for each in locked:
                each.truncate(0)


def _lock(root: Path, file: IO[str], *, shared: bool) -> None:
    if not _try_lock(file.fileno(), shared=shared):
        file.seek(0)
        raise StoreError(
            f"{root} is being written by {_owner(file.read())}; wait for it to end, or write "
            "to another folder"
        )


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    try:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True  # no locks on this system
    return True


def _owner(content: str) -> str:
    """Describe the process that wrote the lock file; a finished shard empties the file."""
    pid, _, host = content.strip().partition(" ")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f"process {pid}{where}" if pid else "another process"
