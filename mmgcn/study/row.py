"""Row: the results of one model in a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from mmgcn.study.statistics import spread


@dataclass(frozen=True)
class Row:
    """Results of one model over its seeds.

    Args:
        model: name of the model.
        deterministic: whether the outcome does not depend on the seed, so that there is only one.
        values: one number per seed, by column: `valid recall@20`, `train_seconds` and so on.
    """

    model: str
    deterministic: bool
    values: dict[str, list[float]]

    @property
    def num_seeds(self) -> int:
        """Number of trainings."""
        return len(self.values["total_seconds"])

    def mean(self, column: str) -> float | None:
        """Return the mean over seeds; None if there is no such column."""
        values = self.values.get(column)
        return fmean(values) if values else None

    def spread(self, column: str) -> float | None:
        """Return the standard deviation over seeds; None for fewer than two."""
        return spread(self.values.get(column, []))
