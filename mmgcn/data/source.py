"""Source: where a data set comes from, in plain words that another process can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmgcn.data.dataset import Dataset, Missing
from mmgcn.data.features import read_features
from mmgcn.data.history import read_history
from mmgcn.data.splits import SplitError, given_split, split


@dataclass(frozen=True)
class Source:
    """Files, and what is made of them: the data options of `mmgcn fit`.

    Args:
        interactions: all interactions, or those of training where `valid` or `test` is given.
        split: how one table is divided; unused where parts are given.
        seed: of the split.
        features: folders and NAME=FILE.npy[,IDS.txt], mixed.
        k_core: keep the part in which every user and item has this many interactions.
        missing: see `Dataset.build`.
        feedback, event_weights: see `read_history`.
        columns, min_rating: of every table, see `read_interactions`.
    """

    interactions: str
    valid: str | None = None
    test: str | None = None
    split: str = "leave-last-out"
    seed: int = 0
    features: tuple[str, ...] = ()
    k_core: int = 0
    missing: Missing = "error"
    feedback: str | None = None
    event_weights: str = ""
    columns: str = ""
    min_rating: float | None = None

    def dataset(self) -> Dataset:
        """Read it.

        Raises:
            ColumnsError, InteractionsError, EventsError, SplitError, FeatureError: see those who
                read.
        """
        if self.valid is not None or self.test is not None:
            if self.k_core:
                raise SplitError("a k-core filters one table; it does not go with given parts")
            paths = Path(self.interactions), _path(self.valid), _path(self.test)
            made = given_split(*paths, columns=self.columns, min_rating=self.min_rating)
        else:
            table = read_history(
                self.interactions,
                columns=self.columns,
                min_rating=self.min_rating,
                feedback=self.feedback,
                event_weights=self.event_weights,
            )
            if self.k_core:
                table = table.k_core(k_user=self.k_core, k_item=self.k_core)
            made = split(table, self.split, seed=self.seed)  # type: ignore[arg-type]  # checked there
        dataset = Dataset.build(made, read_features(self.features), missing=self.missing)
        dataset.reading = {"columns": self.columns or None, "min_rating": self.min_rating}
        return dataset


def _path(word: str | None) -> Path | None:
    return None if word is None else Path(word)
