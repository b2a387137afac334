"""Download of a file, announced before it begins and verified before it is used."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30

Progress = Callable[[int, int | None], None]  # of bytes so far and in total, None if unknown

_REPORT: ContextVar[Callable[[str], None]] = ContextVar(
    "report", default=logging.getLogger(__name__).warning
)


@contextmanager
def reporting_downloads(report: Callable[[str], None]) -> Iterator[None]:
    """Call `report` before each download in this context, instead of logging a warning."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


def announce(what: str, num_bytes: int | None, *, source: str, target: Path, licence: str) -> None:
    """Report a download before it begins: what, how large, from where and to where."""
    size = "of unknown size" if num_bytes is None else f"{num_bytes / 1e6:,.0f} MB"
    _REPORT.get()(f"fetching {what}, {size}, from {source} to {target} (licence: {licence})")


def download(
    url: str,
    target: Path,
    *,
    begin: Callable[[int | None], None],
    verify: Callable[[str], None],
    progress: Progress | None = None,
) -> None:
    """Download a file; `target` exists only once it is complete and verified.

    Args:
        begin: called with the number of bytes, if it is known, before they are read.
        verify: called with the SHA-256 as hex; what it raises removes the file.

    Raises:
        OSError: it cannot be fetched, or the connection ended early.
    """
    from urllib.request import urlopen

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with (
            urlopen(url, timeout=TIMEOUT_SECONDS) as answer,  # noqa: S310
            partial.open("wb") as file,
        ):
            total = int(answer.headers["Content-Length"] or 0) or None
            begin(total)
            done = 0
            while chunk := answer.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if total is not None and done != total:
            raise OSError(f"the connection ended after {done:,} of {total:,} bytes")
        verify(digest.hexdigest())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
