"""Posters: one JPEG per video, drawn in a process of its own and cached in a folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from extract.store import file_name
from extract.workers.poster import mean_colour
from mmgcn.display.poster_worker import PosterWorker


class PosterError(OSError):
    """A poster that cannot be drawn; the message says why."""


class Posters:
    """A folder of posters, named as `mmgcn extract --posters` names them.

    A poster that is missing or older than its video can be drawn.

    Args:
        folder: folder of the posters, created with the first one.
        worker: process that draws; by default a new one.
    """

    def __init__(self, folder: Path, worker: PosterWorker | None = None) -> None:
        self.folder = folder
        self._worker = worker or PosterWorker()
        self._failed: dict[str, tuple[int, str]] = {}  # by item: the video's mtime, the reason
        self._colours: dict[str, str | None] = {}  # by item, once its poster was read

    def find(self, item_id: str, video: Path) -> Path | None:
        """Return the path of a video's poster; None if it has to be drawn.

        Raises:
            PosterError: drawing it failed before, or the video is gone.
        """
        path = self._path(item_id)
        poster_mtime, video_mtime = _mtime_ns(path), _mtime_ns(video)
        if video_mtime is None:
            raise PosterError("its video no longer exists")
        if poster_mtime is not None and poster_mtime >= video_mtime:
            return path
        failed_mtime, reason = self._failed.get(item_id, (-1, ""))
        if failed_mtime == video_mtime:
            raise PosterError(reason)
        return None

    def draw(self, item_id: str, video: Path) -> Path:
        """Return the path of a video's poster, after drawing it if needed.

        Raises:
            PosterError: the video has no frame, cannot be read, or exceeds the limits.
        """
        path = self.find(item_id, video)
        if path is not None:
            return path
        mtime = _mtime_ns(video) or 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            reason = self._worker.draw(item_id, video, self.folder)
        except OSError as error:
            reason = f"the process that reads it cannot work: {error.strerror}"
        if reason:
            self._failed[item_id] = mtime, reason
            raise PosterError(reason)
        self._colours.pop(item_id, None)
        return self._path(item_id)

    def colour(self, item_id: str) -> str | None:
        """Return the mean colour of a poster as #rrggbb; None if it is not known."""
        if item_id not in self._colours:
            self._colours[item_id] = mean_colour(self._path(item_id))
        return self._colours[item_id]

    def stop(self) -> None:
        """End the process that draws; the next poster starts another."""
        self._worker.stop()

    def _path(self, item_id: str) -> Path:
        return self.folder / f"{file_name(item_id)}.jpg"


def default_folder(root: Path) -> Path:
    """Return the folder in the user's cache for the posters of the videos under `root`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()
    return cache / "mmgcn" / "posters" / digest[:16]


def _mtime_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
