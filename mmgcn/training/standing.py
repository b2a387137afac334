"""Standing: how far a training is, and the best that it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Best:
    """The look whose parameters are kept.

    Args:
        value: of the figure that chooses; None without a validation part.
    """

    epoch: int
    value: float | None
    figures: dict[str, float]


@dataclass
class Standing:
    """How far a training is.

    Args:
        step: steps of the optimiser taken.
        seconds: that these steps took.
        best: None before the first look.
        waited: looks since the best one.
    """

    step: int = 0
    seconds: float = 0.0
    best: Best | None = None
    waited: int = 0

    def take(self, look: Best) -> bool:
        """Take note of a look, and return whether it is the best so far.

        Without a validation part the last look is the best.

        >>> standing = Standing()
        >>> [standing.take(Best(epoch, value, {})) for epoch, value in ((1, 0.2), (2, 0.2))]
        [True, False]
        >>> standing.best.epoch, standing.waited
        (1, 1)
        """
        before = None if self.best is None else self.best.value
        if look.value is None or before is None or look.value > before:
            self.best, self.waited = look, 0
            return True
        self.waited += 1
        return False

    def as_dict(self) -> dict[str, Any]:
        """Return it as a checkpoint keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, held: Mapping[str, Any]) -> Self:
        """Return what `as_dict` gave, whatever else is held beside it."""
        best = held["best"] and Best(**held["best"])
        return cls(held["step"], held["seconds"], best, held["waited"])
