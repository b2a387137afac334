"""Catalogue: the items of a run, searched and filtered by SQLite."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np

from mmgcn.display.cards import Cards
from mmgcn.evaluation.groups import item_groups
from mmgcn.run import Run
from mmgcn.serving.selector import ID_CHANNEL

Group = Literal["head", "tail", "cold"]
Sort = Literal["relevance", "popularity"]
NUM_INDEXED = 3  # characters that the index finds; shorter words are searched for one by one
MARKS = re.compile("[\u0300-\u036f]")  # accents; other scripts' marks are vowels and stay
SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY, id TEXT, text TEXT, words TEXT,
    popularity INTEGER, part TEXT, creator TEXT, modalities INTEGER
);
CREATE VIRTUAL TABLE grams USING fts5(id, caption, creator, content='', tokenize='trigram');
"""
# A full id, the start of an id, full words, then any other position.
TIER = """
CASE WHEN items.id = :query THEN 0
     WHEN substr(items.id, 1, length(:query)) = :query THEN 1
     WHEN instr(items.words, :words) THEN 2
     ELSE 3 END
"""


@dataclass(frozen=True)
class ItemQuery:
    """A query for items; an item has to match all of its fields.

    Args:
        text: words that the id, the caption or the creator contain.
        modalities: modalities that the item has.
        group: head (the most popular items, with 80 % of the interactions), tail, or cold.
        creator: the item's creator.
        sort: `relevance` is the order of the run where no text is given.
    """

    text: str = ""
    modalities: tuple[str, ...] = ()
    group: Group | None = None
    creator: str | None = None
    sort: Sort = "relevance"


class Catalogue:
    """The items of a run with their text and facts, in an index. Thread-safe.

    Search ignores case and accents, and needs no word boundaries, so that scripts without them can
    be searched. The index of trigrams is in memory.
    """

    def __init__(self, run: Run, cards: Cards) -> None:
        self.modalities = tuple(name for name in run.vector_parts if name != ID_CHANNEL)
        self._present = np.zeros(len(run.items), dtype=np.int64)  # a bit for each modality
        for bit, name in enumerate(self.modalities):
            has = run.has(name, np.arange(len(run.items)))
            has &= np.asarray(run.parts[name]).any(axis=1)
            self._present |= has.astype(np.int64) << bit
        self._ids = run.items.ids
        self._lock = Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.executescript(SCHEMA)
        with self._connection as connection:
            for item, texts in self._rows(run, cards):
                connection.execute("INSERT INTO items VALUES (?,?,?,?,?,?,?,?)", item)
                connection.execute(
                    "INSERT INTO grams(rowid, id, caption, creator) VALUES (?,?,?,?)", texts
                )

    def by_item(self) -> dict[str, tuple[str, ...]]:
        """Return the modalities of every item, by id."""
        names = {int(b): self._names(int(b)) for b in np.unique(self._present)}
        bits = self._present.tolist()
        return {item: names[own] for item, own in zip(self._ids, bits, strict=True)}

    def find(self, query: ItemQuery, *, offset: int = 0, limit: int = 20) -> tuple[list[int], int]:
        """Return the indices of items, best first, and their total number.

        Raises:
            ValueError: a modality that the run does not have.
        """
        folded = fold(query.text)
        words = folded.split()
        values: dict[str, Any] = {"query": " ".join(words), "words": f" {_words(folded)} "}
        conditions, table, order = [], "items", [TIER]
        long = [word for word in words if len(word) >= NUM_INDEXED]
        if long:
            table = "grams JOIN items ON items.row = grams.rowid"
            order.append("bm25(grams, 4.0, 2.0, 1.0)")
            conditions.append("grams MATCH :match")
            values["match"] = " ".join('"' + word.replace('"', '""') + '"' for word in long)
        for number, word in enumerate(word for word in words if len(word) < NUM_INDEXED):
            conditions.append(f"instr(items.text, :word{number})")
            values[f"word{number}"] = word
        conditions += self._filters(query, values)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        if query.sort == "popularity":
            order = []
        elif not words:
            order = ["items.row"]
        order += ["items.popularity DESC", "items.row"]
        with self._lock:
            (total,) = self._connection.execute(
                f"SELECT count(*) FROM {table} {where}",  # noqa: S608  (values are bound)
                values,
            ).fetchone()
            rows = self._connection.execute(
                f"SELECT items.row FROM {table} {where} "  # noqa: S608
                f"ORDER BY {', '.join(order)} LIMIT :limit OFFSET :offset",
                values | {"limit": limit, "offset": offset},
            ).fetchall()
        return [row for (row,) in rows], total

    def _names(self, bits: int) -> tuple[str, ...]:
        return tuple(name for bit, name in enumerate(self.modalities) if bits >> bit & 1)

    def _filters(self, query: ItemQuery, values: dict[str, Any]) -> Iterator[str]:
        bits = 0
        for name in query.modalities:
            if name not in self.modalities:
                known = ", ".join(self.modalities) or "none"
                raise ValueError(f"the run has no modality '{name}'; it has: {known}")
            bits |= 1 << self.modalities.index(name)
        if bits:
            values["bits"] = bits
            yield "items.modalities & :bits = :bits"
        if query.group is not None:
            values["part"] = query.group
            yield "items.part = :part"
        if query.creator is not None:
            values["creator"] = query.creator
            yield "items.creator = :creator"

    def _rows(self, run: Run, cards: Cards) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
        """Yield the values of each item for the table and for the index."""
        popularity = np.asarray(run.popularity)
        groups = item_groups(popularity)
        group = np.select([groups["head"], groups["tail"]], ["head", "tail"], "cold").tolist()
        rows = zip(self._ids, popularity.tolist(), group, self._present.tolist(), strict=True)
        for row, (item_id, count, of_group, present) in enumerate(rows):
            creator = cards.creators.get(item_id)
            texts = [fold(each or "") for each in (item_id, cards.captions.get(item_id), creator)]
            text = "\n".join(texts)
            words = f" {_words(text)} "
            item = (row, texts[0], text, words, count, of_group, creator, present)
            yield item, [row, *texts]


def fold(text: str) -> str:
    """Return a text normalised for comparison: without case, accents and control characters.

    >>> fold("Çà et Là"), fold("ＡＢＣ"), fold("Straße"), fold("Ёж")
    ('ca et la', 'abc', 'strasse', 'еж')
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = unicodedata.normalize("NFC", MARKS.sub("", decomposed))
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in bare)


def _words(folded: str) -> str:
    return " ".join(re.findall(r"\w+", folded))
