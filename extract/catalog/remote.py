"""RemoteFile: a file that lies where fsspec reaches: s3://, gs://, http:// and others."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import IO, Any

from extract.extras import install_command

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
LOCAL = "file://"
CHUNK_BYTES = 1 << 20
OPEN_FILES = Path("/proc/self/fd")  # Linux's: each leads to a file that this process has open
NAMELESS = OPEN_FILES.is_dir()
MAX_FETCHED_BYTES = 16 << 30  # of one file; what honest clips have is a thousandth of that


class RemoteError(OSError, ValueError):
    """A remote place that cannot be listed or read; the message says why and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A remote file, with as much of what a Path does as a catalogue and its readers need.

    Args:
        url: as fsspec takes it.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Its name, without the folders."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """Its name without suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """What its name ends in, with the dot."""
        return self._pure.suffix

    @property
    def place(self) -> str:
        """Its bucket, or host, and path, without suffix."""
        return self._pure.with_suffix("").as_posix()

    def as_posix(self) -> str:
        """Return the URL."""
        return self.url

    def is_file(self) -> bool:
        """Whether it is there, and no folder."""
        files, path = _reached(self.url)
        with _explained(self.url):
            return bool(files.isfile(path))

    def stat(self) -> Any:
        """Return `st_size` and `st_mtime_ns`; the time is 0 where its server tells none.

        Raises:
            FileNotFoundError: it is not there.
            RemoteError: nobody answers, or one may not read it.
        """
        files, path = _reached(self.url)
        with _explained(self.url):
            size = files.info(path).get("size")
            try:
                changed = files.modified(path)
            except (NotImplementedError, KeyError, TypeError, AttributeError):
                changed = None
        return SimpleNamespace(st_size=int(size or 0), st_mtime_ns=_nanoseconds(changed))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open it for reading."""
        files, path = _reached(self.url)
        with _explained(self.url):
            opened: IO[bytes] = files.open(path, mode)
            return opened

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.url.split("::")[0].partition("://")[2].partition("?")[0])


AnyFile = Path | RemoteFile


def as_file(word: str | AnyFile) -> AnyFile:
    """Return the file that a path or URL names; a file:// URL is a path.

    A file may be called `Rick::Morty.mp4`; where it is there, it is no URL of two protocols.

    >>> as_file("s3://bucket/a.mp4"), as_file("file:///b.mp4")
    (RemoteFile(url='s3://bucket/a.mp4'), PosixPath('/b.mp4'))
    """
    if not isinstance(word, str):
        return word
    if not is_url(word) or ("://" not in word and os.path.lexists(word)):
        return Path(word)
    return Path(word.removeprefix(LOCAL)) if word.startswith(LOCAL) else RemoteFile(word)


def is_url(word: object) -> bool:
    """Whether a text names something by URL, and not a path."""
    return isinstance(word, str) and URL.match(word) is not None


def matching(url: str) -> list[RemoteFile]:
    """Return the files in a remote folder and its subfolders, or those that a pattern matches.

    A file that is named is returned as it is; it is not looked for.

    Raises:
        RemoteError: nobody answers, one may not look, or there is nothing.
    """
    files, path = _reached(url)
    with _explained(url):
        if "*" in path or "[" in path:
            found = [name for name in files.glob(path) if not files.isdir(name)]
        elif PurePosixPath(path).suffix and not url.endswith("/"):
            return [RemoteFile(url)]
        else:
            found = files.find(path)
    if not found:
        raise RemoteError(f"there is nothing at {url}")
    # What was chained behind, as in zip://a.mp4::s3://bucket/all.zip, stays behind.
    chain = url.partition("::")[2]
    return [
        RemoteFile(files.unstrip_protocol(name) + (f"::{chain}" if chain else ""))
        for name in sorted(found)
    ]


@contextmanager
def local_copy(file: AnyFile) -> Iterator[Path]:
    """Yield a local path of a file; a remote one is fetched, and removed at the end.

    So no more than one file a worker lies in the temporary folder (TMPDIR) at a time. On Linux it
    has no name there, and goes with the process, also with one that a clip takes down.

    Raises:
        RemoteError: it cannot be fetched, or is larger than any clip.
    """
    if isinstance(file, Path):
        yield file
        return
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile() if NAMELESS else tempfile.NamedTemporaryFile() as target:
        with _explained(file.url), file.open() as source:
            size = getattr(source, "size", None)
            room = min(MAX_FETCHED_BYTES, shutil.disk_usage(folder).free)
            if size is not None and size > room:
                raise RemoteError(
                    f"{file.url} is {size:,} bytes, and {folder} has room for {room:,}; name a "
                    "larger temporary folder with TMPDIR"
                )
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            target.flush()
        yield OPEN_FILES / str(target.fileno()) if NAMELESS else Path(target.name)


def _reached(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path on it."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            f"{url} needs fsspec; install it with: {install_command('scale')}"
        ) from error
    with _explained(url):
        files, path = fsspec.url_to_fs(url)
    return files, path


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn what file systems raise, each in its own way, into one line."""
    try:
        yield
    except (FileNotFoundError, RemoteError):
        raise
    except ImportError as error:  # fsspec names the package that speaks the protocol
        raise ImportError(
            f"{url} cannot be reached ({error}); S3 and HTTP come with: {install_command('scale')}"
        ) from error
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RemoteError(f"{url} cannot be read: {first}") from error


def _nanoseconds(changed: datetime | None) -> int:
    if changed is None:
        return 0
    if changed.tzinfo is None:
        changed = changed.replace(tzinfo=UTC)
    return int(changed.timestamp() * 1_000_000) * 1000
