"""Batcher: units of many clips through one encoder, rows back to their clips."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from extract.encoder import Encoder


@dataclass
class _Clip:
    """A clip whose units are on their way."""

    rows: list[np.ndarray] = field(default_factory=list)
    pts_seconds: list[np.ndarray] = field(default_factory=list)
    num_waiting: int = 0
    closed: bool = False


class Batcher:
    """Fills batches across clips, so that short clips do not leave an encoder half empty.

    `add` and `close` take what a clip brings, `ready` yields the clips whose rows are complete.

    Every batch has the same size; the last one is filled up with copies of a unit, whose rows are
    thrown away. Matrix products choose their order of summing by the size of the batch, so without
    that a clip's rows would differ in their last bits with the company it happened to be in, and a
    run that was interrupted would not end like one that was not.

    Args:
        encoder: loaded.
        batch_units: units in a batch; the encoder's own wish unless given.
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
        """How near the encoder's rows are to those of float32: see `Encoder.cosine`."""
        return self._encoder.cosine

    def fills_with(self, num_units: int) -> bool:
        """Whether that many units more make a batch full."""
        return self.num_waiting + num_units >= self._batch_units

    def add(self, clip: int, units: np.ndarray, pts_seconds: np.ndarray) -> None:
        """Take units of a clip; runs the encoder for every batch that is full.

        Shapes:
            units: (N, ...); pts_seconds: (N,).
        """
        held = self._clips.setdefault(clip, _Clip())
        held.pts_seconds.append(pts_seconds)
        held.num_waiting += len(units)
        self._blocks.append((clip, units))
        self.num_waiting += len(units)
        while self.num_waiting >= self._batch_units:
            self._encode(self._batch_units)

    def close(self, clip: int) -> None:
        """Say that no more units of the clip will come."""
        self._clips.setdefault(clip, _Clip()).closed = True

    def drop(self, clip: int) -> None:
        """Forget a clip."""
        self._blocks = deque((other, units) for other, units in self._blocks if other != clip)
        self.num_waiting = sum(len(units) for _, units in self._blocks)
        self._clips.pop(clip, None)

    def flush(self) -> None:
        """Run the encoder over what is waiting, full batch or not."""
        if self.num_waiting:
            self._encode(self.num_waiting)

    def ready(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (clip, rows (T, D), times (T,)) of closed clips that lack nothing."""
        for clip, held in list(self._clips.items()):
            if held.closed and held.num_waiting == 0:
                del self._clips[clip]
                if held.rows:
                    yield clip, np.concatenate(held.rows), np.concatenate(held.pts_seconds)
                else:
                    yield clip, np.zeros((0, self._encoder.dim), np.float32), np.zeros(0)

    def _encode(self, num_units: int) -> None:
        """Run the encoder over the first units that wait, at most a batch of them."""
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
            filling = np.broadcast_to(
                blocks[-1][-1], (self._batch_units - count, *blocks[-1].shape[1:])
            )
            blocks.append(filling)
        started = time.perf_counter()
        batch = np.concatenate(blocks) if len(blocks) > 1 else np.ascontiguousarray(blocks[0])
        rows = checked_rows(self._encoder, self._encoder.encode(batch), len(batch))
        self.encode_seconds += time.perf_counter() - started
        at = 0
        for clip, units in taken:
            held = self._clips[clip]
            held.rows.append(rows[at : at + len(units)].copy())
            held.num_waiting -= len(units)
            at += len(units)


def checked_rows(encoder: Encoder, rows: np.ndarray, num_units: int) -> np.ndarray:
    """Return what an encoder made, (N, D) float32.

    Raises:
        ValueError: it made something else of N units.
    """
    rows = np.asarray(rows, dtype=np.float32)
    if rows.shape != (num_units, encoder.dim):
        raise ValueError(
            f"the encoder '{encoder.name}' made {rows.shape} of {num_units} units; it promises "
            f"({num_units}, {encoder.dim})"
        )
    return rows
