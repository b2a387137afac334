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
    exact, prefix = ids == query, ids.str.starts_with(query)
    found: list[str] = ids.filter(exact).head(limit).to_list()
    found += ids.filter(prefix & ~exact).head(limit - len(found)).to_list()
    if len(found) < limit:
        infix = ids.str.contains(query, literal=True)
        found += ids.filter(infix & ~prefix).head(limit - len(found)).to_list()
    return found
