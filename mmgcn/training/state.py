"""TrainingState: the progress of a training, and its best evaluation so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class BestRecord:
    """The evaluation whose parameters are kept.

    Args:
        epoch: number of the epoch, from 1.
        step: number of training steps until then.
        value: value of `Validation.metric`; None without a validation part.
    """

    epoch: int
    step: int
    value: float | None
    metrics: dict[str, float]


@dataclass
class TrainingState:
    """The progress of a training.

    Args:
        step: number of optimiser steps so far.
        seconds: duration of these steps.
        best: best evaluation; None before the first one.
        num_waited: number of evaluations since the best one.
    """

    step: int = 0
    seconds: float = 0.0
    best: BestRecord | None = None
    num_waited: int = 0

    def update(self, record: BestRecord) -> bool:
        """Record an evaluation, and return whether it is the best so far.

        Without a validation part the last one is the best.

        >>> state = TrainingState()
        >>> [state.update(BestRecord(e, 20 * e, value, {})) for e, value in ((1, 0.2), (2, 0.2))]
        [True, False]
        >>> state.best.epoch, state.num_waited
        (1, 1)
        """
        before = None if self.best is None else self.best.value
        if record.value is None or before is None or record.value > before:
            self.best, self.num_waited = record, 0
            return True
        self.num_waited += 1
        return False

    def as_dict(self) -> dict[str, Any]:
        """Return the state as a checkpoint stores it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the state that `as_dict` described; other keys are ignored."""
        best = stored["best"] and BestRecord(**stored["best"])
        return cls(stored["step"], stored["seconds"], best, stored["num_waited"])
