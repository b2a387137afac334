"""ItemTable: what a person's own table says about items, to show beside them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from mmgcn.serving.table_file import TableError, column_names, read_columns

ID_NAMES = ("item_id", "id", "video_id")
CAPTION_NAMES = ("caption", "title", "text")
CREATOR = "creator"
ZERO_WIDTH_JOINER = "\u200d"  # without which some emoji fall apart


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Captions of items and who made them, by id; either may be unknown."""

    rows: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"item_id": pl.String, "caption": pl.String, "creator": pl.String}
        )
    )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table (.csv .tsv .parquet .jsonl) with item_id, and caption or creator.

        `id` and `video_id` will do for item_id, `title` and `text` for caption, as in extraction.

        Raises:
            TableError: it is no such table.
        """
        names = column_names(path)
        item = next((name for name in ID_NAMES if name in names), None)
        caption = next((name for name in CAPTION_NAMES if name in names), None)
        creator = CREATOR if CREATOR in names else None
        if item is None or (caption is None and creator is None):
            raise TableError(
                f"{path} needs the column item_id, and caption or creator; it has: "
                f"{', '.join(names)}"
            )
        wanted = {"item_id": item, "caption": caption, "creator": creator}
        held = read_columns(path, [name for name in wanted.values() if name])
        return cls(
            held.select(
                (pl.col(name) if name else pl.lit(None, dtype=pl.String)).alias(called)
                for called, name in wanted.items()
            ).unique("item_id", keep="first", maintain_order=True)
        )

    def captions(self, item_ids: Iterable[str]) -> dict[str, str]:
        """Return the captions of those of the items that have one, fit for a terminal."""
        wanted = pl.Series(list(item_ids), dtype=pl.String)
        rows = self.rows.filter(pl.col("item_id").is_in(wanted.implode()))
        return {
            item: one_line(caption)
            for item, caption in rows.select("item_id", "caption").drop_nulls().iter_rows()
        }

    def creators(self) -> dict[str, str]:
        """Return who made each item.

        Raises:
            TableError: the table does not say.
        """
        known = self.rows.select("item_id", "creator").drop_nulls()
        if known.height == 0:
            raise TableError(f"the table of items has no column {CREATOR}, or nothing in it")
        return dict(known.iter_rows())


def one_line(text: str) -> str:
    """Return the text on one line, without what would steer a terminal.

    >>> one_line("a\\n b\\x1b[31mc")
    'a b[31mc'
    """
    shown = "".join(
        c
        for c in text
        if c.isspace() or unicodedata.category(c)[0] != "C" or c == ZERO_WIDTH_JOINER
    )
    return " ".join(shown.split())
