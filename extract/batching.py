"""Batcher: units of many clips through one encoder, rows back to their clips."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from extract.encoder import Encoder


@dataclass
class _Clip:
    """A clip whose units are on their way."""

    rows: list[np.ndarray] = field(default_factory=list)
    pts_seconds: list[float] = field(default_factory=list)
    num_pending: int = 0
    closed: bool = False


class Batcher:
    """Fills batches across clips, so that short clips do not leave an encoder half empty.

    `add` and `close` take what a clip brings, `ready` yields the clips whose rows are complete.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._clips: dict[int, _Clip] = {}
        self._blocks: list[tuple[int, Any]] = []
        self._num_waiting = 0
        self.seconds = 0.0

    def add(self, clip: int, units: Any, pts_seconds: np.ndarray) -> None:
        """Take units of a clip; runs the encoder for every batch that is full."""
        held = self._clips.setdefault(clip, _Clip())
        held.pts_seconds += [round(float(at), 6) for at in pts_seconds]
        held.num_pending += len(units)
        self._blocks.append((clip, units))
        self._num_waiting += len(units)
        while self._num_waiting >= self._encoder.batch_units:
            self._encode(self._encoder.batch_units)

    def close(self, clip: int) -> None:
        """Say that no more units of the clip will come."""
        self._clips.setdefault(clip, _Clip()).closed = True

    def drop(self, clip: int) -> None:
        """Forget a clip."""
        self._blocks = [(other, units) for other, units in self._blocks if other != clip]
        self._num_waiting = sum(len(units) for _, units in self._blocks)
        self._clips.pop(clip, None)

    def flush(self) -> None:
        """Run the encoder over what is waiting, full batch or not."""
        if self._num_waiting:
            self._encode(self._num_waiting)

    def ready(self) -> Iterator[tuple[int, np.ndarray, tuple[float, ...]]]:
        """Yield (clip, rows (T, D), times (T,)) of closed clips that lack nothing."""
        for clip, held in list(self._clips.items()):
            if held.closed and held.num_pending == 0:
                del self._clips[clip]
                if held.rows:
                    yield clip, np.concatenate(held.rows), tuple(held.pts_seconds)
                else:
                    yield clip, np.zeros((0, self._encoder.dim), np.float32), ()

    def _encode(self, num_units: int) -> None:
        """Run the encoder over the first units that wait."""
        taken: list[tuple[int, Any]] = []
        count = 0
        while count < num_units:
            clip, units = self._blocks.pop(0)
            room = num_units - count
            if len(units) > room:
                self._blocks.insert(0, (clip, units[room:]))
                units = units[:room]
            taken.append((clip, units))
            count += len(units)
        self._num_waiting -= count
        blocks = [units for _, units in taken]
        if isinstance(blocks[0], np.ndarray):
            batch: Any = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
        else:
            batch = [unit for units in blocks for unit in units]
        started = time.perf_counter()
        rows = np.asarray(self._encoder.encode(batch), dtype=np.float32)
        self.seconds += time.perf_counter() - started
        if rows.shape != (count, self._encoder.dim):
            raise ValueError(
                f"encoder '{self._encoder.name}' made {rows.shape} of {count} units; "
                f"it promises ({count}, {self._encoder.dim})"
            )
        at = 0
        for clip, units in taken:
            held = self._clips[clip]
            held.rows.append(rows[at : at + len(units)])
            held.num_pending -= len(units)
            at += len(units)
