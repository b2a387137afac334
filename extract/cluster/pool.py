"""RayPool: the work of a WorkerPool, done by Ray Data."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from extract.cluster import Layout, connected, layout_of
from extract.cluster.tasks import END, INDEX, PART, Attempts, Decode, Encode, units_column
from extract.encoder import Encoder
from extract.workers.device import MAX_FRAMES
from extract.workers.messages import Decoded, Job, RowsOf, Setup, pack, unpack
from extract.workers.pool import TICK_SECONDS, WorkerError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CLIPS_A_TASK = 16
TASKS_A_CPU = 4  # tasks that a CPU gets at least, so that all end at about the same time
BATCHES_A_CALL = 4  # the last of a call is seldom full
USUAL_UNITS = 16  # of a clip: its frames, or seconds of sound
QUEUED_TABLES = 16


class RayPool:
    """Hands jobs to Ray Data and yields what comes back, as a WorkerPool does.

    Clips are decoded in tasks of one CPU each and encoded in a pool of actors for every encoder;
    Ray Data streams from one to the next and holds decoding back when encoding is slower. Ray does
    again what a worker that died held; a clip that takes down three is failed.

    Args:
        setup: as for workers on one machine.
        encoders: by place; None where there is nothing to decode for.
    """

    def __init__(self, setup: Setup, encoders: Sequence[Encoder | None]) -> None:
        assert setup.config.cluster is not None
        self._setup, self._encoders = setup, encoders
        self._cluster, self._workers = setup.config.cluster, setup.config.workers
        self._held = ExitStack()
        self._said: queue.Queue[pa.Table | BaseException | None] = queue.Queue(QUEUED_TABLES)
        self._ended = threading.Event()
        self._jobs: dict[int, Job] = {}
        self.stopping = False

    def start(self, jobs: list[Job]) -> None:
        """Connect, and start on these jobs; what comes of them waits for `events`.

        Raises:
            ClusterError: nobody answers, or the workers do not fit.
        """
        if not jobs:
            self._said.put(None)
            return
        ray = self._held.enter_context(connected(self._cluster))
        has = ray.cluster_resources()
        layout = layout_of(
            self._cluster,
            num_encoders=len(self._places),
            workers=self._workers,
            num_cpus=has.get("CPU", 0.0),
            num_gpus=has.get("GPU", 0.0),
        )
        self._jobs = {job.index: job for job in jobs}
        away = [replace(job, path=_absolute(job.path)) for job in jobs]
        dataset = self._dataset(ray, away, layout, num_cpus=has["CPU"])
        threading.Thread(target=self._run, args=(dataset,), daemon=True, name="ray").start()

    def stop(self) -> None:
        """Take nothing more; the same call does again what was under way."""
        self.stopping = True

    def events(self, *, poll: Callable[[], None]) -> Iterator[Decoded | RowsOf]:
        """Yield what came of the clips until all are done; calls `poll` a few times a second."""
        clips = _Clips(self._jobs, self._encoders)
        while not self.stopping:
            poll()
            try:
                said = self._said.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if said is None:
                return
            if isinstance(said, BaseException):
                raise _told(said) from said
            yield from clips.take(said, self._places)

    def close(self) -> None:
        """End all workers now."""
        self._ended.set()
        self._held.close()

    @property
    def _places(self) -> list[int]:
        return [place for place, spec in enumerate(self._setup.encoders) if spec is not None]

    def _dataset(self, ray: Any, jobs: Sequence[Job], layout: Layout, *, num_cpus: float) -> Any:
        import pyarrow as pa
        from ray.data import ActorPoolStrategy, DataContext, from_arrow

        context = DataContext.get_current()
        context.enable_progress_bars = False
        attempts = ray.remote(Attempts).options(num_cpus=0, max_restarts=-1).remote()
        share = -(-len(jobs) // int(TASKS_A_CPU * max(1.0, num_cpus)))
        size = min(MAX_CLIPS_A_TASK, share)
        tables = [
            pa.table({"job": pa.array(map(pack, jobs[start : start + size]), pa.large_binary())})
            for start in range(0, len(jobs), size)
        ]
        config = self._setup.config
        config = replace(config, posters=_absolute(config.posters))
        decode = Decode(
            replace(self._setup, encodes=False, config=config),
            self._places,
            attempts,
        )
        dataset = from_arrow(tables).map_batches(
            decode.table, batch_format="pyarrow", batch_size=None, num_cpus=1
        )
        for place in self._places:
            spec, encoder = self._setup.encoders[place], self._encoders[place]
            assert spec is not None
            assert encoder is not None
            if spec.weights is not None and Path(spec.weights).exists():
                spec = replace(spec, weights=str(_absolute(Path(spec.weights))))
            on_gpu = layout.num_gpus > 0
            batch_units = (
                MAX_FRAMES if on_gpu and encoder.reads == "frames" else encoder.batch_units
            )
            clips = BATCHES_A_CALL * batch_units // USUAL_UNITS
            even = -(-len(jobs) // (2 * layout.num_workers))
            dataset = dataset.map_batches(
                Encode,
                fn_constructor_args=(place, spec),
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

    def _run(self, dataset: Any) -> None:
        """Put what Ray yields where `events` takes it, and its end; in a thread."""
        end: BaseException | None = None
        try:
            for table in dataset.iter_batches(
                batch_format="pyarrow", batch_size=None, prefetch_batches=1
            ):
                if not self._put(table):
                    return
        except BaseException as error:  # noqa: BLE001  (raised by the thread that takes it)
            end = error
        self._put(end)

    def _put(self, said: pa.Table | BaseException | None) -> bool:
        """False when nobody takes it any more."""
        while not self._ended.is_set():
            try:
                self._said.put(said, timeout=TICK_SECONDS)
            except queue.Full:
                continue
            return True
        return False


@dataclass
class _Clip:
    """The parts of a clip that came, and its end."""

    parts: dict[int, dict[int, RowsOf]] = field(default_factory=dict)
    last: int | None = None
    end: Decoded | None = None


class _Clips:
    """Puts the parts of clips together, in whatever order they come."""

    def __init__(self, jobs: Mapping[int, Job], encoders: Sequence[Encoder | None]) -> None:
        self._jobs, self._encoders = jobs, encoders
        self._clips: dict[int, _Clip] = {}

    def take(self, table: pa.Table, places: Sequence[int]) -> Iterator[Decoded | RowsOf]:
        """Yield the rows of the clips that are complete, and their ends."""
        for row in range(len(table)):
            index, number = table[INDEX][row].as_py(), table[PART][row].as_py()
            clip = self._clips.setdefault(index, _Clip())
            cells = {place: table[units_column(place)][row] for place in places}
            clip.parts[number] = {
                place: unpack(cell.as_buffer()) for place, cell in cells.items() if cell.is_valid
            }
            if table[END][row].is_valid:
                clip.last, clip.end = number, unpack(table[END][row].as_buffer())
            if clip.end is not None and len(clip.parts) - 1 == clip.last:
                del self._clips[index]
                yield from self._of(self._jobs[index], clip)
                yield clip.end

    def _of(self, job: Job, clip: _Clip) -> Iterator[RowsOf]:
        if clip.end is None or clip.end.error is not None:
            return
        for place in job.encoders:
            pieces = [clip.parts[n][place] for n in sorted(clip.parts) if place in clip.parts[n]]
            encoder = self._encoders[place]
            assert encoder is not None
            yield RowsOf(
                job.index,
                place,
                np.concatenate([np.zeros((0, encoder.dim), np.float32), *(p.rows for p in pieces)]),
                np.concatenate([np.zeros(0), *(p.pts_seconds for p in pieces)]),
                sum(piece.encode_seconds for piece in pieces),
                min((p.cosine for p in pieces if p.cosine is not None), default=None),
            )


P = TypeVar("P")


def _absolute(path: P) -> P:
    """Return a path as it reads in another working folder; what is no path as it is."""
    return path.absolute() if isinstance(path, Path) else path


def _told(error: BaseException) -> BaseException:
    """Return what a worker raised, out of what Ray wrapped it in."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, WorkerError):
            return WorkerError(str(seen))
        seen = getattr(seen, "cause", None) or seen.__cause__
    if not isinstance(error, Exception):
        return error
    return WorkerError(f"Ray stopped: {type(error).__name__}: {str(error).strip()}")
