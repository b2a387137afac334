"""DataOptions: sources of a data set and how to read them, for Python and every command.

Imports no other module, since the command line is built from it; `loading.load_dataset` reads the
files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Missing = Literal["error", "mask", "drop"]
SplitName = Literal["leave-last-out", "temporal", "random", "cold-items", "none"]
NO_FEATURES = "none"


class DataOptionsError(ValueError):
    """Data options that are malformed or exclude each other; the message names them."""


@dataclass(frozen=True)
class DataOptions:
    """Sources of interactions and features, and how to read, filter and split them.

    Raises:
        DataOptionsError: an option has the wrong type or an unknown value, or has no effect with
            the others.
    """

    interactions: str | Path = "interactions.csv"
    """Table with user_id and item_id, optionally timestamp, rating and weight (CSV, TSV, Parquet or
    JSON lines), or the URL of a database of feedback (sqlite: or postgresql:)."""
    columns: str = ""
    """Names of the columns for user, item, time and rating: user=userId,item=movieId. Numbers are
    positions, from 1, in a text file without a header."""
    min_rating: float | None = None
    """Lowest rating that counts as an interaction; rows below it are left out."""
    time_format: str = ""
    """Format of times that are neither numbers nor ISO dates, such as %d/%m/%Y."""
    feedback: str | None = None
    """URL of a database written by `mmgcn serve`, whose feedback is added to the table."""
    event_weights: str = ""
    """Weights of kinds of feedback. A pair of user and item counts if its weights sum to more than
    0; a row of the table has weight 1."""
    valid: str | Path | None = None
    """Validation interactions; `interactions` is then the training part."""
    test: str | Path | None = None
    """Test interactions, held out."""
    split: SplitName | None = None
    """Split of the interactions if no parts are given: leave-last-out, temporal, random,
    cold-items, or none, which trains on all interactions."""
    split_seed: int = 0
    """Seed of the split."""
    features: tuple[str, ...] | None = None
    """Feature store, or NAME=FILE.npy[,IDS.txt] with one id per line, or none. Repeatable; both
    kinds may be mixed."""
    first_id: int | None = None
    """Item id of row 0 in a NAME=FILE.npy without ids, such as 1 if ids count from 1. By default
    0."""
    k_core: int = 0
    """Minimum number of interactions of every user and item; the largest such subset is kept."""
    keep_removed_items: bool = False
    """Keep items that `k_core` removed from the interactions as candidates, if they have
    features."""
    missing: Missing = "error"
    """Treatment of items of the interactions that were never extracted."""
    merge_duplicates: float | None = None
    """Smallest cosine of the features of near-duplicates, such as re-uploads of one video, which
    are merged into the one with the most interactions."""

    def __post_init__(self) -> None:
        for name in ("interactions", "valid", "test"):
            value = getattr(self, name)
            if isinstance(value, os.PathLike):
                object.__setattr__(self, name, os.fspath(value))
            elif not isinstance(value, str) and (value is not None or name == "interactions"):
                raise DataOptionsError(f"`{name}` is a path, not {type(value).__name__}")
        self._check_features()
        if self.missing not in get_args(Missing):
            raise DataOptionsError(
                f"`missing` is '{self.missing}'; it must be one of {', '.join(get_args(Missing))}"
            )
        if self.split is not None and self.split not in get_args(SplitName):
            raise DataOptionsError(
                f"`split` is '{self.split}'; it must be one of {', '.join(get_args(SplitName))}"
            )
        if self.k_core < 0:
            raise DataOptionsError(f"`k_core` is {self.k_core}; it must be at least 0")
        self._check_combination()

    def _check_features(self) -> None:
        features: object = self.features  # from Python it can be anything
        if isinstance(features, str):  # would be read letter by letter
            features = (features,)
        if features is not None:
            if not isinstance(features, Sequence) or not all(
                isinstance(each, str | os.PathLike) for each in features
            ):
                raise DataOptionsError(
                    "`features` are paths or texts NAME=FILE.npy, such as ('features',)"
                )
            features = tuple(os.fspath(each) for each in features)
            if NO_FEATURES in features and len(features) > 1:
                raise DataOptionsError("`features` are none, and others; leave one of them out")
        object.__setattr__(self, "features", features)
        unnumbered = [each for each in self.features or () if "=" in each and "," not in each]
        if self.first_id is not None and not unnumbered:
            raise DataOptionsError(
                "`first_id` has no effect: `features` contain no NAME=FILE.npy without ids"
            )

    def _check_combination(self) -> None:
        if self.merge_duplicates is not None:
            if not 0 < self.merge_duplicates <= 1:
                raise DataOptionsError(
                    f"`merge_duplicates` is {self.merge_duplicates}; it must be above 0 and at "
                    "most 1"
                )
            if self.features == (NO_FEATURES,):
                raise DataOptionsError("`merge_duplicates` compares `features`, and they are none")
        has_feedback = self.feedback is not None or is_database(str(self.interactions))
        if self.event_weights and not has_feedback:
            raise DataOptionsError("`event_weights` have no effect: there is no feedback")
        if self.keep_removed_items and not self.k_core:
            raise DataOptionsError("`keep_removed_items` has no effect without `k_core`")
        if self.valid is None and self.test is None:
            return
        for name, given in (
            ("split", self.split is not None),
            ("k_core", self.k_core > 0),
            ("merge_duplicates", self.merge_duplicates is not None),
            ("feedback", has_feedback),
        ):
            if given:
                raise DataOptionsError(
                    f"`{name}` applies to a single table that is then split; leave out either it, "
                    "or `valid` and `test`"
                )


def is_database(source: str) -> bool:
    """Return whether a source is the URL of a database, not a file.

    >>> is_database("sqlite:///feedback.db"), is_database("interactions.csv")
    (True, False)
    """
    return "://" in source
