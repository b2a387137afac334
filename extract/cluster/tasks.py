"""Work on Ray: clips are decoded in tasks, and their units are encoded in actors.

A table row between them is a part of a clip: `index` and `part`, a column of units for each encoder
that decodes, and in the clip's last part its `Decoded`. Encoders replace their units by rows. The
cells are packed messages; none of them is pickled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine
from extract.workers.batcher import BatchedEncoders
from extract.workers.messages import Decoded, EncoderSpec, Job, RowsOf, Setup, UnitsOf
from extract.workers.pool import WorkerError, WorkerPool
from extract.workers.process import THREAD_VARIABLES
from extract.workers.state import MAX_ATTEMPTS
from extract.workers.wire import pack, unpack
from extract.workers.worker import why_not_loaded

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.actor import ActorHandle

PART_BYTES = 64 << 20  # of units in a part of a clip
INDEX, PART, END = "index", "part", "end"


class Attempts:
    """Counts how often work was started without finishing; an actor, since workers may die."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, name: str) -> int:
        """Return how often the work was started before."""
        before = self._begun.get(name, 0)
        self._begun[name] = before + 1
        return before

    def end(self, name: str) -> None:
        """Reset the count of the work."""
        self._begun.pop(name, None)


def units_column(slot: int) -> str:
    """Return the name of the column of an encoder's units, or rows."""
    return f"slot{slot}"


class Decode:
    """Decodes clips in a task, in a separate process that a broken clip may crash.

    The process and its pool are the same as in a run on one machine, so a clip fails for the same
    reasons. They are kept for the next task in the same Ray worker.

    Args:
        setup: setup of the process; `encodes` is False.
        slots: slots of the encoders that read decoded samples.
        attempts: the actor that counts attempts.
    """

    def __init__(self, setup: Setup, slots: Sequence[int], attempts: ActorHandle) -> None:
        self._setup, self._slots, self._attempts = setup, tuple(slots), attempts

    def table(self, table: pa.Table) -> Iterator[pa.Table]:
        """Yield the parts of the clips whose packed jobs the column `job` holds."""
        import ray

        for cell in table.column("job"):
            job: Job = unpack(cell.as_buffer())
            name = f"clip {job.index}"
            if ray.get(self._attempts.begin.remote(name)) >= MAX_ATTEMPTS:
                reason = f"its worker died {MAX_ATTEMPTS} times while decoding it"
                yield self._part(job, 0, {}, Decoded(job.index, error=reason))
            else:
                yield from self._parts(job)
            self._attempts.end.remote(name)

    def _parts(self, job: Job) -> Iterator[pa.Table]:
        units: dict[int, list[UnitsOf]] = {}
        num_bytes = part = 0
        for event in _decode(job, self._setup):
            if isinstance(event, Decoded):
                yield self._part(job, part, units, event)
            elif isinstance(event, UnitsOf):
                units.setdefault(event.encoder, []).append(event)
                num_bytes += event.units.nbytes
                if num_bytes > PART_BYTES:
                    yield self._part(job, part, units, None)
                    units, num_bytes, part = {}, 0, part + 1

    def _part(
        self, job: Job, part: int, units: Mapping[int, list[UnitsOf]], end: Decoded | None
    ) -> pa.Table:
        import pyarrow as pa

        cells = {slot: pack(_joined(pieces)) for slot, pieces in units.items()}
        return pa.table(
            {
                INDEX: pa.array([job.index], pa.int64()),
                PART: pa.array([part], pa.int64()),
                END: pa.array([None if end is None else pack(end)], pa.large_binary()),
            }
            | {
                units_column(slot): pa.array([cells.get(slot)], pa.large_binary())
                for slot in self._slots
            }
        )


class Encode:
    """Encodes the units of one encoder, in an actor; full batches across clips.

    Args:
        num_gpus: GPUs of the actor, possibly a fraction; 0 encodes on the CPU.
        attempts: the actor that counts attempts.
    """

    def __init__(
        self,
        slot: int,
        spec: EncoderSpec,
        *,
        engine: Engine,
        num_gpus: float,
        attempts: ActorHandle,
    ) -> None:
        self._slot, self._spec, self._engine = slot, spec, engine
        self._num_gpus, self._attempts = num_gpus, attempts
        self._encoders: BatchedEncoders | None = None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the table with units replaced by rows."""
        import pyarrow as pa
        import ray

        column = units_column(self._slot)
        name = f"{column} {table[INDEX][0]} {table[PART][0]}"
        if ray.get(self._attempts.begin.remote(name)) >= MAX_ATTEMPTS:
            raise WorkerError(
                f"the encoder {self._spec.qualname} crashed its worker {MAX_ATTEMPTS} times"
            )
        cells: list[bytes | None] = [None] * len(table)
        for row, rows in self._encoded(table[column]):
            cells[row] = pack(rows)
        self._attempts.end.remote(name)
        return table.set_column(
            table.column_names.index(column), column, pa.array(cells, pa.large_binary())
        )

    def _encoded(self, cells: pa.ChunkedArray) -> Iterator[tuple[int, RowsOf]]:
        """Yield the rows of each cell, by its row in the table: there may be parts of one clip."""
        encoders = self._loaded()
        clips: dict[int, int] = {}
        try:
            for row, cell in enumerate(cells):
                if cell.is_valid:
                    units: UnitsOf = unpack(cell.as_buffer())
                    clips[row] = units.index
                    encoders.add(replace(units, index=row))
                    encoders.end(row, [self._slot])
            encoders.flush()
        except Exception as error:
            raise WorkerError(f"an encoder failed: {type(error).__name__}: {error}") from error
        for rows in encoders.ready():
            yield rows.index, replace(rows, index=clips[rows.index])

    def _loaded(self) -> BatchedEncoders:
        if self._encoders is None:
            # As in a run on one machine: more threads would sum in another order.
            os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
            if (torch := sys.modules.get("torch")) is not None:
                torch.set_num_threads(1)
            try:
                encoder = self._spec.build()
                device = "cuda" if self._num_gpus else "cpu"
                encoder.load(device, engine=self._engine)
            except Exception as error:
                raise WorkerError(f"a worker could not start: {why_not_loaded(error)}") from error
            self._encoders = BatchedEncoders(
                {self._slot: encoder},
                device=device,
                share=self._num_gpus or 1.0,
            )
        return self._encoders


_kept: tuple[Setup, WorkerPool] | None = None


def _decode(job: Job, setup: Setup) -> Iterator[Any]:
    """Yield the messages of this process's decoder about a clip."""
    global _kept  # a task of Ray has nothing else that outlives it
    if _kept is not None and _kept[0] != setup:
        _kept[1].close()
        _kept = None
    if _kept is None:
        _kept = setup, WorkerPool(setup, num_workers=1)
    pool = _kept[1]
    try:
        pool.start([job])
        yield from pool.events(poll=lambda: None)
    except BaseException:  # its unfinished messages would be taken for those of the next clip
        pool.close()
        _kept = None
        raise


def _joined(pieces: Sequence[UnitsOf]) -> UnitsOf:
    if len(pieces) == 1:
        return pieces[0]
    return UnitsOf(
        pieces[0].index,
        pieces[0].encoder,
        np.concatenate([piece.units for piece in pieces]),
        np.concatenate([piece.pts_seconds for piece in pieces]),
    )
