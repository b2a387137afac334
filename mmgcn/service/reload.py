"""Reload: a newer run takes the place of the one in service, without a failed request."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from mmgcn.run import RunError
from mmgcn.service.live_run import LiveRun
from mmgcn.service.state import State

logger = logging.getLogger("mmgcn.service")

Mark = tuple[str, int, int]


class Reloader:
    """Looks where the run's path leads, and puts a run that is new there into service.

    A run is loaded whole and asked once before it takes over, in one assignment; requests that
    began with the old one end with it. A run that is refused (half-written, of another version)
    is told of once, and looked at again when it changes.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen = mark(state.settings.run)

    async def watch(self, every_seconds: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(self.look)

    def look(self) -> bool:
        """Return whether a new run was put into service."""
        path = self._state.settings.run
        try:
            found = mark(path)
        except (OSError, ValueError):  # it changes just now; look again later
            return False
        if found == self._seen:
            return False
        self._seen = found
        try:
            live = LiveRun.load(path)
        except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the old one stays)
            self._state.metrics.reloads.labels("refused").inc()
            logger.error("%s stays in service: %s", self._state.live.name, _one_line(error))
            return False
        before, self._state.live = self._state.live, live
        self._state.metrics.reloads.labels("taken").inc()
        logger.warning("%s is in service, before it %s", live.name, before.name)
        return True


def mark(path: Path) -> Mark:
    """Return what changes when the path leads to another run, or the run there is written anew."""
    if path.is_file():  # `latest` where links cannot be made
        path = path.parent / path.read_text(encoding="utf-8").strip()
    folder = path.resolve()
    try:
        facts = (folder / "config.json").stat()  # which is written last
    except OSError:
        return str(folder), 0, 0
    return str(folder), facts.st_ino, facts.st_mtime_ns


def _one_line(error: Exception) -> str:
    told = " ".join(str(error).split())
    return told if isinstance(error, RunError) else f"{type(error).__name__}: {told}"
