"""Lock: one writer at a time, or the shards of one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from extract.store.files import StoreError, explained


@contextmanager
def sole_writer(root: Path, shard: str | None = None) -> Iterator[None]:
    """Hold the folder, made if it is not there, for writing; a second process is refused at once.

    Shards hold it together: each is refused where the same one, or a whole writer, is at work.

    The lock is the operating system's, so it goes with the process that held it, however that
    process ended; what the file `.lock` says is for people. Where there are no such locks (Windows,
    some network file systems), a second writer is not noticed.

    Raises:
        StoreError: another process holds it, or the folder cannot be written.
    """
    with explained(root):
        root.mkdir(parents=True, exist_ok=True)
        file = (root / ".lock").open("a+", encoding="utf-8")
    with file, ExitStack() as others:
        held = [file]
        _lock(root, file, shared=shard is not None)
        if shard is not None:
            with explained(root):
                mine = others.enter_context((root / f".lock-{shard}").open("a+", encoding="utf-8"))
            _lock(root, mine, shared=False)
            held.append(mine)
        with explained(root):
            for each in held:
                each.truncate(0)
                each.write(f"{os.getpid()} {socket.gethostname()}\n")
                each.flush()
        try:
            yield
        finally:
            for each in held:
                each.truncate(0)


def _lock(root: Path, file: IO[str], *, shared: bool) -> None:
    if not _try_lock(file.fileno(), shared=shared):
        file.seek(0)
        raise StoreError(
            f"{root} is being written by {_holder(file.read())}; wait for it to end, or write "
            "to another folder with --out"
        )


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    try:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True  # there are no locks here
    return True


def _holder(told: str) -> str:
    """Say who wrote the lock's file; a shard that has ended has emptied it for the others."""
    pid, _, host = told.strip().partition(" ")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f"process {pid}{where}" if pid else "another process"
