"""RankingOptions: options of ranked lists. Imports no large package, for `mmgcn --help`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack, get_args

UnknownUsers = Literal["error", "popularity"]


class RankingChanges(TypedDict, total=False):
    """Fields of RankingOptions as keyword arguments, for type checkers."""

    k: int
    filter_seen: bool
    items: Iterable[str] | None
    exclude: Iterable[str] | None
    diversity: float
    creators: Mapping[str, str] | None
    per_creator: int | None
    unknown_users: UnknownUsers


@dataclass(frozen=True)
class RankingOptions:
    """Options of ranked lists in Python, on the command line and in the service.

    Raises:
        ValueError: a value is out of range, or a single str in place of ids.
        TypeError: items or exclude are not iterable.
    """

    k: int = 10
    """Maximum number of items in a list; fewer if the candidates run out."""
    filter_seen: bool = True
    """Leave out the items that the user watched in the training and validation parts."""
    items: Iterable[str] | None = None
    """Candidates: rank only these items."""
    exclude: Iterable[str] | None = None
    """Items to leave out."""
    diversity: float = 0.0
    """MMR diversity from 0 to 1: weight of an item's similarity in content to items above it, which
    lowers its rank."""
    creators: Mapping[str, str] | None = None
    """Creator of each item, for per_creator; items without a creator are not limited."""
    per_creator: int | None = None
    """Maximum number of items of one creator in a list."""
    unknown_users: UnknownUsers = "error"
    """List of a user who is not in the run: an error, or the most popular items."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1")
        if not 0 <= self.diversity <= 1:
            raise ValueError(f"diversity is {self.diversity}; it must be from 0 to 1")
        if self.per_creator is not None and self.per_creator < 1:
            raise ValueError(f"per_creator is {self.per_creator}; it must be at least 1")
        if self.unknown_users not in get_args(UnknownUsers):
            known = ", ".join(get_args(UnknownUsers))
            raise ValueError(f"unknown_users is '{self.unknown_users}'; known: {known}")
        # A generator could be read only once.
        object.__setattr__(self, "items", _ids("items", self.items))
        object.__setattr__(self, "exclude", _ids("exclude", self.exclude))

    def changed(self, **changes: Unpack[RankingChanges]) -> RankingOptions:
        """Return the options with some fields changed.

        >>> RankingOptions(k=5).changed(diversity=0.5).k
        5
        """
        return replace(self, **changes)

    def refuse(self, *names: str, method: str) -> None:
        """Refuse fields that a method would ignore.

        Args:
            names: names of the fields.
            method: name of the method, for the message.

        Raises:
            ValueError: one of the fields differs from its default.
        """
        for name in names:
            if getattr(self, name) != getattr(RankingOptions, name):
                raise ValueError(f"{method} ignores {name}; leave it at its default")


def _ids(name: str, ids: Iterable[str] | None) -> tuple[str, ...] | None:
    if isinstance(ids, str):  # it would be read letter by letter
        raise ValueError(f"{name} is one text, '{ids}'; pass ['{ids}']")
    if ids is not None and not isinstance(ids, Iterable):
        raise TypeError(f"{name} is {type(ids).__name__}; it must be an iterable of item ids")
    return None if ids is None else tuple(ids)
