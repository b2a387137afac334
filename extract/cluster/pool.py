"""RayPool: a WorkerPool on Ray Data."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from extract.cluster import Layout, connected, layout_of
from extract.cluster.tasks import END, INDEX, PART, Attempts, Decode, Encode, units_column
from extract.encoder import Encoder
from extract.workers.device import MAX_UNITS
from extract.workers.messages import Decoded, Job, RowsOf, Setup
from extract.workers.pool import TICK_SECONDS, WorkerError
from extract.workers.wire import pack, unpack

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

MAX_CLIPS_PER_TASK = 16
TASKS_PER_CPU = 4  # at least, so that all CPUs end at about the same time
BATCHES_PER_CALL = 4  # the last batch of a call is rarely full
USUAL_UNITS = 16  # of a clip: its frames, or seconds of audio
QUEUED_TABLES = 16


class RayPool:
    """Hands jobs to Ray Data and yields their results, as a WorkerPool does.

    Clips are decoded in tasks of one CPU each and encoded in a pool of actors per encoder; Ray Data
    streams blocks between them and throttles decoding when encoding is slower. Ray repeats the work
    of a dead worker; a clip that ends three workers is recorded as failed.

    Args:
        setup: setup of the extraction, as for local workers; its config names a cluster.
        encoders: encoder of each slot; None if it reads no decoded samples.
    """

    def __init__(self, setup: Setup, encoders: Sequence[Encoder | None]) -> None:
        assert setup.config.cluster is not None
        self._setup, self._encoders = setup, encoders
        self._cluster, self._workers = setup.config.cluster, setup.config.workers
        self._stack = ExitStack()
        self._results: queue.Queue[pa.Table | BaseException | None] = queue.Queue(QUEUED_TABLES)
        self._ended = threading.Event()
        self._jobs: dict[int, Job] = {}
        self.stopping = False

    def start(self, jobs: list[Job]) -> None:
        """Connect, and start these jobs; `events` yields their results.

        Raises:
            ClusterError: nothing answers, or the workers do not fit.
        """
        if not jobs:
            self._results.put(None)
            return
        ray = self._stack.enter_context(connected(self._cluster))
        has = ray.cluster_resources()
        layout = layout_of(
            self._cluster,
            num_encoders=len(self._slots),
            workers=self._workers,
            num_cpus=has.get("CPU", 0.0),
            num_gpus=has.get("GPU", 0.0),
        )
        self._jobs = {job.index: job for job in jobs}
        remote_jobs = [replace(job, path=_absolute(job.path)) for job in jobs]
        dataset = self._dataset(remote_jobs, layout, num_cpus=has["CPU"])
        threading.Thread(target=self._run, args=(dataset,), daemon=True, name="ray").start()

    def stop(self) -> None:
        """Receive no further results; a later run extracts the unfinished clips again."""
        self.stopping = True

    def events(self, *, poll: Callable[[], None]) -> Iterator[Decoded | RowsOf]:
        """Yield results until every job is done; calls `poll` a few times a second."""
        clips = _Clips(self._jobs, self._encoders)
        while not self.stopping:
            poll()
            try:
                result = self._results.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if result is None:
                return
            if isinstance(result, BaseException):
                raise _worker_error(result) from result
            yield from clips.take(result, self._slots)

    def close(self) -> None:
        """End all workers now."""
        self._ended.set()
        self._stack.close()

    @property
    def _slots(self) -> list[int]:
        return [slot for slot, spec in enumerate(self._setup.encoders) if spec is not None]

    def _dataset(self, jobs: Sequence[Job], layout: Layout, *, num_cpus: float) -> Dataset:
        import pyarrow as pa
        import ray
        from ray.data import ActorPoolStrategy, DataContext, from_arrow

        context = DataContext.get_current()
        context.enable_progress_bars = False
        attempts = ray.remote(Attempts).options(num_cpus=0, max_restarts=-1).remote()
        share = -(-len(jobs) // int(TASKS_PER_CPU * max(1.0, num_cpus)))
        size = min(MAX_CLIPS_PER_TASK, share)
        tables = [
            pa.table({"job": pa.array(map(pack, jobs[start : start + size]), pa.large_binary())})
            for start in range(0, len(jobs), size)
        ]
        config = self._setup.config
        config = replace(
            config, posters=_absolute(config.posters), sprites=_absolute(config.sprites)
        )
        decode = Decode(
            replace(self._setup, encodes=False, config=config),
            self._slots,
            attempts,
        )
        dataset = from_arrow(tables).map_batches(
            decode.table, batch_format="pyarrow", batch_size=None, num_cpus=1
        )
        for slot in self._slots:
            spec, encoder = self._setup.encoders[slot], self._encoders[slot]
            assert spec is not None
            assert encoder is not None
            if spec.weights is not None and Path(spec.weights).exists():
                spec = replace(spec, weights=str(_absolute(Path(spec.weights))))
            on_gpu = layout.num_gpus > 0
            by_memory = on_gpu and encoder.reads in ("frames", "video")
            batch_units = MAX_UNITS if by_memory else encoder.batch_units
            clips = BATCHES_PER_CALL * batch_units // USUAL_UNITS
            even = -(-len(jobs) // (2 * layout.num_workers))
            dataset = dataset.map_batches(
                Encode,
                fn_constructor_args=(slot, spec),
                fn_constructor_kwargs={
                    "engine": config.engine,
                    "num_gpus": layout.num_gpus,
                    "attempts": attempts,
                },
                batch_format="pyarrow",
                batch_size=max(1, min(clips, even)),
                compute=ActorPoolStrategy(size=layout.num_workers),
                num_cpus=layout.num_cpus,
                num_gpus=layout.num_gpus or None,
            )
        return dataset

    def _run(self, dataset: Dataset) -> None:
        """Put the tables of Ray, and then the end marker, into the queue; runs in a thread."""
        end: BaseException | None = None
        try:
            for table in dataset.iter_batches(
                batch_format="pyarrow", batch_size=None, prefetch_batches=1
            ):
                if not self._put(table):
                    return
        except BaseException as error:  # noqa: BLE001  (raised by `events`)
            end = error
        self._put(end)

    def _put(self, result: pa.Table | BaseException | None) -> bool:
        """Returns False after `close`."""
        while not self._ended.is_set():
            try:
                self._results.put(result, timeout=TICK_SECONDS)
            except queue.Full:
                continue
            return True
        return False


@dataclass
class _Clip:
    """The parts of a clip that have arrived, and whether its end has."""

    parts: dict[int, dict[int, RowsOf]] = field(default_factory=dict)
    last: int | None = None
    end: Decoded | None = None


class _Clips:
    """Joins the parts of clips, which arrive in any order."""

    def __init__(self, jobs: Mapping[int, Job], encoders: Sequence[Encoder | None]) -> None:
        self._jobs, self._encoders = jobs, encoders
        self._clips: dict[int, _Clip] = {}

    def take(self, table: pa.Table, slots: Sequence[int]) -> Iterator[Decoded | RowsOf]:
        """Add a table; yields the rows and the end of each clip that is complete."""
        for row in range(len(table)):
            index, part = table[INDEX][row].as_py(), table[PART][row].as_py()
            clip = self._clips.setdefault(index, _Clip())
            cells = {slot: table[units_column(slot)][row] for slot in slots}
            clip.parts[part] = {
                slot: unpack(cell.as_buffer()) for slot, cell in cells.items() if cell.is_valid
            }
            if table[END][row].is_valid:
                clip.last, clip.end = part, unpack(table[END][row].as_buffer())
            if clip.end is not None and len(clip.parts) - 1 == clip.last:
                del self._clips[index]
                yield from self._of(self._jobs[index], clip)
                yield clip.end

    def _of(self, job: Job, clip: _Clip) -> Iterator[RowsOf]:
        if clip.end is None or clip.end.error is not None:
            return
        for slot in job.encoders:
            pieces = [clip.parts[n][slot] for n in sorted(clip.parts) if slot in clip.parts[n]]
            encoder = self._encoders[slot]
            assert encoder is not None
            yield RowsOf(
                job.index,
                slot,
                np.concatenate([np.zeros((0, encoder.dim), np.float32), *(p.rows for p in pieces)]),
                np.concatenate([p.pts_seconds for p in pieces] or [np.zeros(0)]),
                sum(piece.encode_seconds for piece in pieces),
                min((p.cosine for p in pieces if p.cosine is not None), default=None),
            )


P = TypeVar("P")


def _absolute(path: P) -> P:
    """Return a path that is valid in any working folder; other values unchanged."""
    return path.absolute() if isinstance(path, Path) else path


def _worker_error(error: BaseException) -> BaseException:
    """Return the error of a worker that Ray wrapped in its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, WorkerError):
            return WorkerError(str(seen))
        seen = getattr(seen, "cause", None) or seen.__cause__
    if not isinstance(error, Exception):
        return error
    return WorkerError(f"Ray stopped: {type(error).__name__}: {str(error).strip()}")
