"""IdMap: external ids and their internal indices."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

NUM_EXAMPLES = 3
NUM_COMPARED = 10_000  # ids compared in a search for similar ones: a tenth of a second
FEW = 8  # up to this number, ids are searched one by one, without a hash table of all ids


class UnknownIds(LookupError):
    """Ids that are not in the data; the message suggests the nearest known ones."""

    def __init__(self, kind: str, unknown: Sequence[str], known: Sequence[str] | pl.Series) -> None:
        self.kind, self.unknown = kind, list(unknown)
        first = self.unknown[0]
        self.nearest = nearest_ids(first, known)
        hint = f"; the nearest known ids are {', '.join(self.nearest)}" if self.nearest else ""
        others = f" and {len(unknown) - 1:,} others are" if len(unknown) > 1 else " is"
        super().__init__(f"{kind} '{first}'{others} not in the data{hint}")


class IdMap:
    """External ids in the order of their internal indices. Immutable.

    Args:
        ids: unique ids.
        kind: noun for messages, such as `user` or `item`.

    Raises:
        ValueError: an id occurs twice, is missing, or is not text.

    >>> ids = IdMap(["b", "a"], kind="item")
    >>> ids.index(["a", "b"]).tolist(), ids.ids[0], ids.get(["c"]).tolist()
    ([1, 0], 'b', [-1])
    """

    def __init__(self, ids: Sequence[str] | pl.Series, *, kind: str = "id") -> None:
        self.kind = kind
        self.ids = self.complete(ids).rename("id")
        if self.ids.n_unique() != len(self.ids):
            twice = self.ids.filter(self.ids.is_duplicated())[0]
            raise ValueError(f"{kind} '{twice}' occurs twice among the ids")
        self._rows: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"IdMap({len(self):,} {self.kind}s: {examples(self.ids.head(NUM_EXAMPLES + 1))})"

    def get(self, ids: Iterable[str] | pl.Series) -> np.ndarray:
        """Return the index of each id, -1 for unknown ids.

        Shapes:
            the result: (N,) int64.
        """
        requested = as_texts(ids)
        if len(requested) <= FEW:
            found = (None if one is None else self.ids.index_of(one) for one in requested)
            return np.array([-1 if row is None else row for row in found], dtype=np.int64)
        if self._rows is None:
            self._rows = pl.DataFrame({"id": self.ids, "row": np.arange(len(self.ids))})
        joined = requested.to_frame("id").join(
            self._rows, on="id", how="left", maintain_order="left"
        )
        return joined["row"].fill_null(-1).to_numpy().astype(np.int64)

    def index(self, ids: Iterable[str] | pl.Series) -> np.ndarray:
        """Return the index of each id.

        Shapes:
            the result: (N,) int64.

        Raises:
            UnknownIds: some ids are unknown.
            ValueError: some ids are missing.
        """
        texts = self.complete(ids)
        rows = self.get(texts)
        if (rows < 0).any():
            unknown = texts.filter(pl.Series(rows < 0)).unique(maintain_order=True)
            raise UnknownIds(self.kind, unknown.to_list(), self.ids)
        return rows

    def complete(self, ids: Iterable[str] | pl.Series) -> pl.Series:
        """Return ids as a column of text, none of which is missing.

        Raises:
            ValueError: some ids are missing.
        """
        texts = as_texts(ids)
        if texts.null_count():
            raise ValueError(f"{texts.null_count():,} of the {self.kind} ids are missing")
        return texts

    def id(self, row: int) -> str:
        """Return the id at an index."""
        return str(self.ids[row])

    def joined(self, more: Sequence[str] | pl.Series) -> IdMap:
        """Return the map extended by the new ones among the given ids, in their order.

        >>> IdMap(["b", "a"]).joined(["c", "a"]).ids.to_list()
        ['b', 'a', 'c']
        """
        others = as_texts(more).unique(maintain_order=True)
        new = others.filter(pl.Series(self.get(others) < 0))
        if len(new) == 0:
            return self
        return IdMap(pl.concat([self.ids, new.rename("id")]), kind=self.kind)

    def save(self, path: Path) -> None:
        """Write the ids to Parquet, one column `id`."""
        self.ids.to_frame().write_parquet(path)

    @classmethod
    def load(cls, path: Path, *, kind: str = "id") -> IdMap:
        """Read what `save` wrote.

        Raises:
            ValueError: the file was not written by `save`.
        """
        try:
            return cls(pl.read_parquet(path, columns=["id"])["id"], kind=kind)
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{path} contains no ids: {str(error).splitlines()[0]}") from error


def as_texts(ids: Iterable[str] | pl.Series) -> pl.Series:
    """Return ids as a column of text.

    Args:
        ids: any iterable of str: a list, a set, an array, a categorical column, a generator.

    Raises:
        TypeError: ids is not iterable, or a data frame.
        ValueError: ids is a single str, or an id is not a str.
    """
    if isinstance(ids, str):  # it would be read letter by letter
        raise ValueError(f"ids are a list of texts, and '{ids}' is one text; pass ['{ids}']")
    if isinstance(ids, pl.Series) and ids.dtype in (pl.String, pl.Categorical, pl.Enum):
        return ids.cast(pl.String)
    if hasattr(ids, "columns"):  # it would be read column by column
        raise TypeError(f"ids are one column of text, not a {type(ids).__name__}; pass the column")
    if not isinstance(ids, Iterable):
        raise TypeError(f"ids are an iterable of str, not {type(ids).__name__}; pass ['{ids}']")
    texts = list(ids)
    # None is left to the caller, who reports the number of missing ids.
    wrong = next((one for one in texts if one is not None and not isinstance(one, str)), None)
    if wrong is not None:
        shown = " ".join(str(wrong).split())
        raise ValueError(
            f"ids are text, and {shown:.60} is {type(wrong).__name__}; pass '{shown:.60}'"
        )
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError as error:  # bytes of a command line that are no UTF-8
        raise ValueError(f"ids are text in UTF-8, and {error.object!r} is not") from error


def nearest_ids(unknown: str, known: Sequence[str] | pl.Series) -> list[str]:
    """Return up to three known ids that are similar to an unknown one."""
    ids = as_texts(known)
    # Comparing with a million ids takes seconds, so only ids of similar length are compared, those
    # with the same beginning first.
    ids = ids.filter((ids.str.len_chars().cast(pl.Int64) - len(unknown)).abs() <= 2)
    same_start = ids.str.starts_with(unknown[: (len(unknown) + 1) // 2])
    candidates = pl.concat([ids.filter(same_start).head(NUM_COMPARED), ids.filter(~same_start)])
    return difflib.get_close_matches(
        unknown, candidates.head(NUM_COMPARED).to_list(), n=NUM_EXAMPLES, cutoff=0.3
    )


def examples(ids: Sequence[str] | pl.Series) -> str:
    """Return the first three ids as text for messages.

    >>> examples(["a", "b"]), examples(["a", "b", "c", "d"])
    ('a, b', 'a, b, c, ...')
    """
    text = ", ".join(map(str, ids[:NUM_EXAMPLES]))
    return f"{text}, ..." if len(ids) > NUM_EXAMPLES else text
