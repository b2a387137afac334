"""RemoteFile: a file on a file system of fsspec: s3://, gs://, http:// and others."""

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

from extract.extras import install_command, require

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
LOCAL = "file://"
CHUNK_BYTES = 1 << 20
OPEN_FILES = Path("/proc/self/fd")  # on Linux, links to the open files of this process
HAS_OPEN_FILES = OPEN_FILES.is_dir()
MAX_FETCHED_BYTES = 16 << 30  # hard limit for one file; real clips have a thousandth of that


class RemoteError(OSError, ValueError):
    """A URL cannot be listed or read; the message says why and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A remote file, with the methods of a Path that the catalogue and its readers use.

    Args:
        url: URL as fsspec reads it.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """File name, without the folders."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """Suffix of the file name, with the dot."""
        return self._pure.suffix

    @property
    def key(self) -> str:
        """Bucket (or host) and path, without suffix."""
        return self._pure.with_suffix("").as_posix()

    def as_posix(self) -> str:
        """Return the URL."""
        return self.url

    def is_file(self) -> bool:
        """Return whether it exists and is not a folder."""
        files, path = _file_system(self.url)
        with _explained(self.url):
            return bool(files.isfile(path))

    def stat(self) -> Any:
        """Return `st_size` and `st_mtime_ns`; the time is 0 if the server does not report one.

        Raises:
            FileNotFoundError: it does not exist.
            RemoteError: the server does not answer, or denies access.
        """
        files, path = _file_system(self.url)
        with _explained(self.url):
            size = files.info(path).get("size")
            try:
                changed = files.modified(path)
            except (NotImplementedError, KeyError, TypeError, AttributeError):
                changed = None
        return SimpleNamespace(st_size=int(size or 0), st_mtime_ns=_nanoseconds(changed))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open it for reading."""
        files, path = _file_system(self.url)
        with _explained(self.url):
            opened: IO[bytes] = files.open(path, mode)
            return opened

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.url.split("::")[0].partition("://")[2].partition("?")[0])


AnyFile = Path | RemoteFile


def as_file(text: str | AnyFile) -> AnyFile:
    """Return the file that a path or URL names; a file:// URL is a path.

    An existing file named like `Rick::Morty.mp4` is a path, not a chained URL.

    >>> as_file("s3://bucket/a.mp4"), as_file("file:///b.mp4")
    (RemoteFile(url='s3://bucket/a.mp4'), PosixPath('/b.mp4'))
    """
    if not isinstance(text, str):
        return text
    if not is_url(text) or ("://" not in text and os.path.lexists(text)):
        return Path(text)
    return Path(text.removeprefix(LOCAL)) if text.startswith(LOCAL) else RemoteFile(text)


def is_url(text: object) -> bool:
    """Return whether a text is a URL and not a path."""
    return isinstance(text, str) and URL.match(text) is not None


def list_remote(url: str) -> list[RemoteFile]:
    """Return the files in a remote folder and its subfolders, or those that match a pattern.

    The URL of a single file is returned without a request.

    Raises:
        RemoteError: the server does not answer, denies access, or has no such files.
    """
    files, path = _file_system(url)
    with _explained(url):
        if "*" in path or "[" in path:
            found = [name for name in files.glob(path) if not files.isdir(name)]
        elif PurePosixPath(path).suffix and not url.endswith("/"):
            return [RemoteFile(url)]
        else:
            found = files.find(path)
    if not found:
        raise RemoteError(f"there are no files at {url}")
    # The rest of a chained URL, such as zip://a.mp4::s3://bucket/all.zip, is kept.
    chain = url.partition("::")[2]
    return [
        RemoteFile(files.unstrip_protocol(name) + (f"::{chain}" if chain else ""))
        for name in sorted(found)
    ]


@contextmanager
def local_copy(file: AnyFile) -> Iterator[Path]:
    """Yield a local path of a file; a remote one is downloaded, and removed at the end.

    A worker has at most one file in the temporary folder (TMPDIR). On Linux, it is an unnamed file,
    which disappears with the process even after a crash.

    Raises:
        RemoteError: it cannot be downloaded, or exceeds the hard limit or the free space.
    """
    if isinstance(file, Path):
        yield file
        return
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile() if HAS_OPEN_FILES else tempfile.NamedTemporaryFile() as target:
        with _explained(file.url), file.open() as source:
            size = getattr(source, "size", None)
            room = min(MAX_FETCHED_BYTES, shutil.disk_usage(folder).free)
            if size is not None and size > room:
                raise RemoteError(
                    f"{file.url} has {size:,} bytes, and {folder} has space for {room:,}; set "
                    "TMPDIR to a larger folder"
                )
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            target.flush()
        yield OPEN_FILES / str(target.fileno()) if HAS_OPEN_FILES else Path(target.name)


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path on it."""
    require("fsspec", purpose=url, extra="scale")
    import fsspec

    with _explained(url):
        files, path = fsspec.url_to_fs(url)
    return files, path


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Convert the errors of file systems, which have many types, to a RemoteError of one line."""
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
