"""Batches of units: encoders run over the units of many clips, and rows return to their clips."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from extract.encoder import Encoder
from extract.workers.device import units_at_once
from extract.workers.messages import RowsOf, UnitsOf


class BatchedEncoders:
    """Runs several encoders over the units of many clips, in full batches.

    All batching of units is done here: in a worker, in the main process if that encodes, and in an
    actor of a cluster.

    Args:
        encoders: loaded encoders, by target.
        device: device of the encoders; on a GPU, batches of frames are as large as its memory
            allows.
        share: share of the memory of that GPU that may be used.
    """

    def __init__(
        self, encoders: Mapping[int, Encoder], *, device: str = "cpu", share: float = 1.0
    ) -> None:
        self._batchers = {
            target: Batcher(
                encoder,
                batch_units=units_at_once(device, encoder.unit_bytes, share=share)
                if encoder.reads in ("frames", "video")
                else None,
            )
            for target, encoder in encoders.items()
        }

    def __contains__(self, target: int) -> bool:
        return target in self._batchers

    def fill_a_batch(self, units: UnitsOf) -> bool:
        """Whether adding the units runs the encoder."""
        return self._batchers[units.encoder].fills_with(len(units.units))

    def add(self, units: UnitsOf) -> None:
        """Add units of a clip; runs the encoder for every batch that is full."""
        self._batchers[units.encoder].add(units.index, units.units, units.pts_seconds)

    def end(self, index: int, encoders: Iterable[int], *, failed: bool = False) -> None:
        """Mark the end of a clip: its rows are complete once its last units are encoded.

        Args:
            encoders: encoders of the clip.
            failed: whether its units are dropped instead.
        """
        for target in encoders:
            if target in self._batchers and failed:
                self._batchers[target].drop(index)
            elif target in self._batchers:
                self._batchers[target].close(index)

    def flush(self) -> None:
        """Run the encoders over the waiting units, even if they do not fill a batch."""
        for batcher in self._batchers.values():
            batcher.flush()

    def ready(self) -> Iterator[RowsOf]:
        """Yield the rows of clips that are complete."""
        for target, batcher in self._batchers.items():
            for index, rows, pts_seconds in batcher.ready():
                spent, batcher.encode_seconds = batcher.encode_seconds, 0.0
                yield RowsOf(index, target, rows, pts_seconds, spent, batcher.cosine)


@dataclass
class _Clip:
    """Rows of a clip whose units are not all encoded."""

    rows: list[np.ndarray] = field(default_factory=list)
    pts_seconds: list[np.ndarray] = field(default_factory=list)
    num_waiting: int = 0
    closed: bool = False


class Batcher:
    """Fills the batches of one encoder across clips, so that batches of short clips are full, too.

    `add` and `close` take the units of clips, `ready` yields the clips whose rows are complete.

    Every batch has the same size; the last one is padded with copies of a unit, whose rows are
    dropped. Matrix products choose their order of summation by the size of the batch: without the
    padding, the last bits of a row would depend on what else is in its batch, and an interrupted
    and resumed run would not store the same bytes as an uninterrupted one.

    Args:
        encoder: loaded encoder.
        batch_units: units in a batch; by default the encoder's own number.
    """

    def __init__(self, encoder: Encoder, *, batch_units: int | None = None) -> None:
        self._encoder = encoder
        self._batch_units = batch_units or encoder.batch_units
        self._clips: dict[int, _Clip] = {}
        self._blocks: deque[tuple[int, np.ndarray]] = deque()
        self.num_waiting = 0
        self.encode_seconds = 0.0

    @property
    def cosine(self) -> float | None:
        """Smallest cosine of the encoder's rows to float32 rows: see `Encoder.cosine`."""
        return self._encoder.cosine

    def fills_with(self, num_units: int) -> bool:
        """Whether that many further units complete a batch."""
        return self.num_waiting + num_units >= self._batch_units

    def add(self, clip: int, units: np.ndarray, pts_seconds: np.ndarray) -> None:
        """Add units of a clip; runs the encoder for every batch that is full.

        Shapes:
            units: (N, ...); pts_seconds: (N,), or (N, 2) of windows with an end.
        """
        waiting = self._clips.setdefault(clip, _Clip())
        waiting.pts_seconds.append(pts_seconds)
        waiting.num_waiting += len(units)
        self._blocks.append((clip, units))
        self.num_waiting += len(units)
        while self.num_waiting >= self._batch_units:
            self._encode(self._batch_units)

    def close(self, clip: int) -> None:
        """Mark the end of a clip: it has no more units."""
        self._clips.setdefault(clip, _Clip()).closed = True

    def drop(self, clip: int) -> None:
        """Drop the units and rows of a clip."""
        self._blocks = deque((other, units) for other, units in self._blocks if other != clip)
        self.num_waiting = sum(len(units) for _, units in self._blocks)
        self._clips.pop(clip, None)

    def flush(self) -> None:
        """Run the encoder over the waiting units, even if they do not fill a batch."""
        if self.num_waiting:
            self._encode(self.num_waiting)

    def ready(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (clip, rows (T, D), times) of closed clips whose units are all encoded."""
        for clip, waiting in list(self._clips.items()):
            if waiting.closed and waiting.num_waiting == 0:
                del self._clips[clip]
                if waiting.rows:
                    yield clip, np.concatenate(waiting.rows), np.concatenate(waiting.pts_seconds)
                else:
                    yield clip, np.zeros((0, self._encoder.dim), np.float32), np.zeros(0)

    def _encode(self, num_units: int) -> None:
        """Run the encoder over the first waiting units, at most a batch."""
        taken: list[tuple[int, np.ndarray]] = []
        count = 0
        while count < num_units:
            clip, units = self._blocks.popleft()
            room = num_units - count
            if len(units) > room:
                self._blocks.appendleft((clip, units[room:]))
                units = units[:room]
            taken.append((clip, units))
            count += len(units)
        self.num_waiting -= count
        blocks = [units for _, units in taken]
        if count < self._batch_units:
            padding = np.broadcast_to(
                blocks[-1][-1], (self._batch_units - count, *blocks[-1].shape[1:])
            )
            blocks.append(padding)
        started = time.perf_counter()
        batch = np.concatenate(blocks) if len(blocks) > 1 else np.ascontiguousarray(blocks[0])
        rows = checked_rows(self._encoder, self._encoder.encode(batch), len(batch))
        self.encode_seconds += time.perf_counter() - started
        at = 0
        for clip, units in taken:
            waiting = self._clips[clip]
            waiting.rows.append(rows[at : at + len(units)].copy())
            waiting.num_waiting -= len(units)
            at += len(units)


def checked_rows(encoder: Encoder, rows: np.ndarray, num_units: int) -> np.ndarray:
    """Return the rows of an encoder as (N, D) float32.

    Raises:
        ValueError: they have another shape.
    """
    rows = np.asarray(rows, dtype=np.float32)
    if rows.shape != (num_units, encoder.dim):
        raise ValueError(
            f"the encoder '{encoder.name}' returned {rows.shape} for {num_units} units; its rows "
            f"are ({num_units}, {encoder.dim})"
        )
    return rows
