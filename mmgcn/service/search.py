"""Search of ids: an exact match, then prefixes, then other positions."""

from __future__ import annotations

import polars as pl


def find_ids(ids: pl.Series, query: str, *, limit: int) -> list[str]:
    """Return up to `limit` ids that contain the text: itself, those that start with it, others.

    >>> find_ids(pl.Series(["cab", "b", "abc", "ab"]), "ab", limit=5)
    ['ab', 'abc', 'cab']
    """
    if not query:
        return ids.head(limit).to_list()
    same, begins = ids == query, ids.str.starts_with(query)
    found: list[str] = ids.filter(same).head(limit).to_list()
    found += ids.filter(begins & ~same).head(limit - len(found)).to_list()
    if len(found) < limit:
        holds = ids.str.contains(query, literal=True)
        found += ids.filter(holds & ~begins).head(limit - len(found)).to_list()
    return found
