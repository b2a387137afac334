"""Reload: replaces the run in service by a newer one without a failed request."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from mmgcn.run import RunError
from mmgcn.service.live_run import LiveRun
from mmgcn.service.state import Refusal, State

logger = logging.getLogger("mmgcn.service")

Version = tuple[str, int, int]


class Reloader:
    """Polls the path of the run, and puts a new run into service.

    A run is loaded and queried once before it replaces the old one, in one assignment; requests
    that started with the old run finish with it. A run that is refused (half-written, or of another
    version) is logged once, and checked again when it changes.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._version = version_of(state.settings.run)

    async def watch(self, every_seconds: float) -> None:
        """Check periodically, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(self.check)

    def check(self) -> bool:
        """Load a new run if there is one; return whether it was put into service."""
        path = self._state.settings.run
        try:
            version = version_of(path)
        except (OSError, ValueError):  # it is being replaced; the next check will find it
            return False
        if version == self._version:
            return False
        self._version = version
        try:
            live = LiveRun.load(path, self._state.cards)
        except Exception as error:  # noqa: BLE001  (whatever the error, the old run stays)
            self._state.metrics.reloads.labels("refused").inc()
            folder = Path(version[0])
            reason = _one_line(error).replace(f"{folder.parent}/", "")
            self._state.reload_log.add("refused", folder.name, reason)
            logger.error("%s stays in service: %s", self._state.live.name, _one_line(error))
            at = datetime.now(UTC).isoformat(timespec="seconds")
            self._state.refusal = Refusal(folder.name, reason, at)
            return False
        before, self._state.live = self._state.live, live
        self._state.refusal = None
        self._state.metrics.reloads.labels("loaded").inc()
        self._state.reload_log.add("loaded", live.name)
        logger.warning("%s is in service, in place of %s", live.name, before.name)
        return True


def version_of(path: Path) -> Version:
    """Return a value that changes when the path links to another run or the run is rewritten."""
    if path.is_file():  # `latest` where links cannot be made
        path = path.parent / path.read_text(encoding="utf-8").strip()
    folder = path.resolve()
    try:
        status = (folder / "config.json").stat()  # it is written last
    except OSError:
        return str(folder), 0, 0
    return str(folder), status.st_ino, status.st_mtime_ns


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, RunError) else f"{type(error).__name__}: {text}"
