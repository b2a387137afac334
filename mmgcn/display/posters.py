"""Posters: one JPEG per video, drawn in a process of its own and cached in a folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from extract.store import file_name

if TYPE_CHECKING:
    from anyio import CapacityLimiter

MAX_SECONDS = 30.0  # for one poster
MAX_PROCESSES = 2
ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # one frame gains nothing from threads


class PosterError(OSError):
    """A poster that cannot be drawn; the message says why."""


class Posters:
    """A folder of posters, named as `mmgcn extract --posters` names them.

    A poster that is missing or older than its video is drawn by a process that decodes one frame,
    with limits on its memory and its time: the video is untrusted input.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._failed: dict[str, tuple[int, str]] = {}  # by item: the video's mtime, the reason

    async def poster(self, item_id: str, video: Path) -> Path:
        """Return the path of a video's poster, drawn first if needed, which takes about a second.

        A request that waits for a poster blocks no worker thread, so other requests are not
        delayed.

        Raises:
            PosterError: the video has no frame, cannot be read, or exceeds the limits.
        """
        from anyio import to_thread  # part of the extra `serve`; reports do without it

        path = self._path(item_id)
        if not _is_fresh(path, video):
            await to_thread.run_sync(self._ensure, item_id, video, path, limiter=self._limiter)
        return path

    def draw(self, item_id: str, video: Path) -> Path:
        """Return the path of a video's poster, drawn first if needed, in this thread.

        Raises:
            PosterError: as for `poster`.
        """
        path = self._path(item_id)
        self._ensure(item_id, video, path)
        return path

    @cached_property
    def _limiter(self) -> CapacityLimiter:
        from anyio import CapacityLimiter

        return CapacityLimiter(MAX_PROCESSES)

    def _path(self, item_id: str) -> Path:
        return self.folder / f"{file_name(item_id)}.jpg"

    def _ensure(self, item_id: str, video: Path, path: Path) -> None:
        if _is_fresh(path, video):  # drawn while this request waited
            return
        mtime = _mtime_ns(video)
        if mtime is None:
            raise PosterError("its video no longer exists")
        failed_mtime, reason = self._failed.get(item_id, (-1, ""))
        if failed_mtime != mtime:
            reason = self._draw(item_id, video)
            if not reason:
                return
            self._failed[item_id] = mtime, reason
        raise PosterError(reason)

    def _draw(self, item_id: str, video: Path) -> str:
        """Draw a poster; return the reason where that failed, else an empty string."""
        from extract.workers.poster_process import poster_command  # imports PyAV

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                poster_command(video, self.folder, item_id),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=MAX_SECONDS,
                env={**os.environ, **dict.fromkeys(ENVIRONMENT, "1")},
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"its video took longer than {MAX_SECONDS:g} s to read"
        if done.returncode == 0:
            return ""
        lines = done.stderr.strip().splitlines()
        return lines[-1] if done.returncode == 1 and lines else "the process that read it crashed"


def default_folder(root: Path) -> Path:
    """Return the folder in the user's cache for the posters of the videos under `root`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()
    return cache / "mmgcn" / "posters" / digest[:16]


def _is_fresh(path: Path, video: Path) -> bool:
    poster_mtime, video_mtime = _mtime_ns(path), _mtime_ns(video)
    return poster_mtime is not None and video_mtime is not None and poster_mtime >= video_mtime


def _mtime_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
