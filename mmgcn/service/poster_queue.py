"""PosterQueue: posters that are drawn one after the other, in the background."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread

from mmgcn.display.posters import PosterError, Posters

MAX_WAITING = 200
IDLE_SECONDS = 60.0  # until the process that draws is ended


class PosterQueue:
    """Draws missing posters in a thread, last requested first.

    No request waits for a poster. A poster that is requested twice is queued once. When the queue
    has MAX_WAITING posters, the oldest is dropped: its page, if it is still open, requests it
    again.
    """

    def __init__(self, posters: Posters) -> None:
        self._posters = posters
        self.colour = posters.colour
        self._changed = Condition()
        self._waiting: dict[str, Path] = {}  # by item, the one that is drawn next is the last
        self._drawing: str | None = None
        self._thread: Thread | None = None
        self._stopped = False

    def ask(self, item_id: str, video: Path) -> Path | None:
        """Return the path of a video's poster; if there is none yet, queue it and return None.

        Raises:
            PosterError: it cannot be drawn.
        """
        with self._changed:  # the poster that is drawn now is found, or in the queue
            found = self._posters.find(item_id, video)
            if found is not None or item_id == self._drawing:
                return found
            self._waiting.pop(item_id, None)
            while len(self._waiting) >= MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[item_id] = video
            if self._thread is None and not self._stopped:
                self._thread = Thread(target=self._run, name="posters", daemon=True)
                self._thread.start()
            self._changed.notify()
        return None

    def stop(self) -> None:
        """Stop drawing."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            thread = self._thread
            self._changed.notify()
        self._posters.stop()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._drawing = None
                if not self._waiting and not self._stopped:
                    self._changed.wait(IDLE_SECONDS)
                if not self._waiting:
                    self._posters.stop()
                    self._thread = None
                    return
                self._drawing, video = self._waiting.popitem()
            with suppress(PosterError):  # which `find` raises again
                self._posters.draw(self._drawing, video)
