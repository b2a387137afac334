"""IdMap: the user's own ids outside, rows inside."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

NUM_EXAMPLES = 3


class UnknownIds(LookupError):
    """Ids that are not in the data; the message gives the nearest ones that are."""

    def __init__(self, kind: str, unknown: Sequence[str], known: Sequence[str] | pl.Series) -> None:
        self.kind, self.unknown = kind, list(unknown)
        first = self.unknown[0]
        self.nearest = nearest_ids(first, known)
        hint = f"; the nearest known ids are {', '.join(self.nearest)}" if self.nearest else ""
        others = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
        super().__init__(f"{kind} '{first}'{others} not in the data{hint}")


class IdMap:
    """Ids in the order of their rows.

    >>> ids = IdMap(["b", "a"], kind="item")
    >>> ids.index(["a", "b"]).tolist(), ids.ids[0]
    ([1, 0], 'b')
    """

    def __init__(self, ids: Sequence[str] | pl.Series, *, kind: str = "id") -> None:
        self.ids = pl.Series("id", ids, dtype=pl.String)
        self.kind = kind
        if self.ids.n_unique() != len(self.ids):
            twice = self.ids.filter(self.ids.is_duplicated())[0]
            raise ValueError(f"{kind} '{twice}' stands twice among the ids")
        self._rows: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, ids: Sequence[str] | pl.Series) -> np.ndarray:
        """Return the row of each id, -1 where it has none.

        Shapes:
            the result: (N,) int64.
        """
        asked = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
        if self._rows is None:
            self._rows = pl.DataFrame({"id": self.ids, "row": np.arange(len(self.ids))})
        rows = asked.join(self._rows, on="id", how="left", maintain_order="left")["row"]
        return rows.fill_null(-1).to_numpy().astype(np.int64)

    def index(self, ids: Sequence[str] | pl.Series) -> np.ndarray:
        """Return the row of each id.

        Shapes:
            the result: (N,) int64.

        Raises:
            UnknownIds: some have none.
        """
        rows = self.get(ids)
        if (rows < 0).any():
            asked = pl.Series(ids, dtype=pl.String)
            unknown = asked.filter(pl.Series(rows < 0)).to_list()
            raise UnknownIds(self.kind, unknown, self.ids)
        return rows

    def save(self, path: Path) -> None:
        """Write the ids to Parquet, one column `id`."""
        self.ids.to_frame().write_parquet(path)

    @classmethod
    def load(cls, path: Path, *, kind: str = "id") -> IdMap:
        """Read what `save` wrote."""
        return cls(pl.read_parquet(path, columns=["id"])["id"], kind=kind)


def nearest_ids(wanted: str, known: Sequence[str] | pl.Series) -> list[str]:
    """Return up to three ids that look like the wanted one."""
    listed = pl.Series(known, dtype=pl.String)
    # Looking at each of a million ids takes seconds: those of about its length will do.
    lengths = listed.str.len_chars().cast(pl.Int64)
    close = listed.filter((lengths - len(wanted)).abs() <= 2).head(20_000).to_list()
    return difflib.get_close_matches(wanted, close, n=NUM_EXAMPLES, cutoff=0.3)


def examples(ids: Sequence[str]) -> str:
    """Return the first few ids, for a message."""
    told = ", ".join(ids[:NUM_EXAMPLES])
    return f"{told}, ..." if len(ids) > NUM_EXAMPLES else told
