"""Search: ids that begin with what was typed, then those that hold it elsewhere."""

from __future__ import annotations

import polars as pl


def find_ids(ids: pl.Series, query: str, *, limit: int) -> list[str]:
    """Return up to `limit` of the ids that hold the text, those that begin with it first.

    >>> find_ids(pl.Series(["cab", "b", "abc"]), "ab", limit=5)
    ['abc', 'cab']
    """
    if not query:
        return ids.head(limit).to_list()
    begins = ids.str.starts_with(query)
    found: list[str] = ids.filter(begins).head(limit).to_list()
    if len(found) < limit:
        holds = ids.str.contains(query, literal=True)
        found += ids.filter(holds & ~begins).head(limit - len(found)).to_list()
    return found
