"""Search of ids: an exact match, then prefixes, then other positions."""

from __future__ import annotations

import polars as pl

from mmgcn.service.catalogue import fold


def find_ids(ids: pl.Series, folded: pl.Series, query: str) -> pl.Series:
    """Return the ids that contain a text: first the id that equals it, then prefixes, then others.

    Case and accents are ignored.

    Args:
        folded: the ids by `catalogue.fold`, in the same order.

    >>> ids = pl.Series(["cab", "b", "abc", "Ab"])
    >>> find_ids(ids, pl.Series(["cab", "b", "abc", "ab"]), "AB").to_list()
    ['Ab', 'abc', 'cab']
    """
    text = fold(query)
    if not text:
        return ids
    exact, prefix = folded == text, folded.str.starts_with(text)
    infix = folded.str.contains(text, literal=True)
    return pl.concat([ids.filter(exact), ids.filter(prefix & ~exact), ids.filter(infix & ~prefix)])
