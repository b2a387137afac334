"""Posters: one JPEG for each video, made once in a process of its own, and kept."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from extract.store import file_name

if TYPE_CHECKING:
    from anyio import CapacityLimiter

MAKE = "from extract.pipeline.poster_process import main; main()"
MAX_SECONDS = 30.0  # that making one may take
NUM_AT_ONCE = 2
ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # one picture gains nothing by threads


class PosterError(OSError):
    """A video of which no picture can be had; the message says why."""


class Posters:
    """A folder of posters, with the names that `mmgcn extract --posters` gives them.

    A poster that is missing, or older than its video, is made: a process decodes one frame, with
    bounds on its memory and its time, for a hostile video may try to take both.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._failed: dict[str, tuple[int, str]] = {}  # by item: the video's age, and why

    async def poster(self, item_id: str, video: Path) -> Path:
        """Return the poster of a video. Takes a second where it has to be made.

        Those that wait for theirs hold no thread, so that nobody else waits for one.

        Raises:
            PosterError: the video holds no picture, cannot be read, or takes too much.
        """
        from anyio import to_thread  # a page without a server does without it

        path = self._path(item_id)
        if not _is_fresh(path, video):
            await to_thread.run_sync(self._make, item_id, video, path, limiter=self._making)
        return path

    def drawn(self, item_id: str, video: Path) -> Path:
        """Return the same to a caller that waits for it."""
        path = self._path(item_id)
        self._make(item_id, video, path)
        return path

    @cached_property
    def _making(self) -> CapacityLimiter:
        from anyio import CapacityLimiter

        return CapacityLimiter(NUM_AT_ONCE)

    def _path(self, item_id: str) -> Path:
        return self.folder / f"{file_name(item_id)}.jpg"

    def _make(self, item_id: str, video: Path, path: Path) -> None:
        if _is_fresh(path, video):  # made while this one waited
            return
        age = _age(video)
        if age is None:
            raise PosterError("its video is no longer there")
        failed_age, reason = self._failed.get(item_id, (-1, ""))
        if failed_age != age:
            reason = self._made(item_id, video)
            if not reason:
                return
            self._failed[item_id] = age, reason
        raise PosterError(reason)

    def _made(self, item_id: str, video: Path) -> str:
        """Return why it could not be made; empty if it was."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [str(video), str(self.folder), item_id]
        try:
            done = subprocess.run(
                [sys.executable, "-c", MAKE, *words],
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
        told = done.stderr.strip().splitlines()
        return told[-1] if done.returncode == 1 and told else "reading its video ended in a crash"


def default_folder(root: Path) -> Path:
    """Return the folder of the user's cache for the posters of a catalogue."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()
    return cache / "mmgcn" / "posters" / digest[:16]


def _is_fresh(path: Path, video: Path) -> bool:
    made, changed = _age(path), _age(video)
    return made is not None and changed is not None and made >= changed


def _age(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
