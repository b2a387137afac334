"""OtherRuns: the runs in the folder of the run in service, to compare lists with."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from mmgcn.run import Run, RunError
from mmgcn.run_list import RunSummary, list_runs

MAX_LOADED = 3


class OtherRuns:
    """The finished runs of a folder. A request names a run of the list, never a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # By name, with the time of writing; the last used is the last one.
        self._loaded: OrderedDict[str, tuple[int, Run]] = OrderedDict()
        self._lock = Lock()

    def summaries(self) -> list[RunSummary]:
        """Return the finished runs, newest first."""
        try:
            return [run for run in list_runs(self._folder) if run.model is not None]
        except RunError:
            return []

    def load(self, name: str) -> Run | None:
        """Return a run of the folder by name, or None if there is none.

        A run that was rewritten is loaded again.

        Raises:
            RunError: it is incomplete, or was written by a newer mmgcn.
        """
        paths = {run.name: run.path for run in self.summaries()}
        if name not in paths:
            return None
        with self._lock:
            written, run = self._loaded.pop(name, (None, None))
            now = _written(paths[name])
            if run is None or written != now:
                run = Run.load(paths[name])
            self._loaded[name] = now, run
            while len(self._loaded) > MAX_LOADED:
                self._loaded.popitem(last=False)
        return run


def _written(run: Path) -> int:
    try:
        return (run / "config.json").stat().st_mtime_ns  # it is written last
    except OSError:  # loading it raises the reason
        return 0
