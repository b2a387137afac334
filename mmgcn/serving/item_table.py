"""ItemTable: captions and creators of items, from a user's table."""

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
ZERO_WIDTH_JOINER = "\u200d"  # part of some emoji


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Captions and creators of items; either may be missing.

    Args:
        rows: table of item_id, caption and creator, each item once.
    """

    rows: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"item_id": pl.String, "caption": pl.String, "creator": pl.String}
        )
    )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the table in a file (.csv .tsv .parquet .jsonl) with item_id, caption, creator.

        Either caption or creator is enough. As in extraction, `id` and `video_id` are read as
        item_id, `title` and `text` as caption.

        Raises:
            TableError: the file cannot be read, or a column is missing.
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
        columns = {"item_id": item, "caption": caption, "creator": creator}
        table = read_columns(path, [name for name in columns.values() if name])
        return cls(
            table.select(
                (pl.col(name) if name else pl.lit(None, dtype=pl.String)).alias(column)
                for column, name in columns.items()
            ).unique("item_id", keep="first", maintain_order=True)
        )

    def captions(self, item_ids: Iterable[str]) -> dict[str, str]:
        """Return the captions of items by id, each on one line without control characters."""
        ids = pl.Series(list(item_ids), dtype=pl.String)
        rows = self.rows.filter(pl.col("item_id").is_in(ids.implode()))
        return {
            item: one_line(caption)
            for item, caption in rows.select("item_id", "caption").drop_nulls().iter_rows()
        }

    def creators(self) -> dict[str, str]:
        """Return the creator of each item by id.

        Raises:
            TableError: the table has no creators.
        """
        known = self.rows.select("item_id", "creator").drop_nulls()
        if known.height == 0:
            raise TableError(f"the table of items has no column {CREATOR}, or the column is empty")
        return dict(known.iter_rows())


def one_line(text: str) -> str:
    """Return the text on one line, without control characters.

    >>> one_line("a\\n b\\x1b[31mc")
    'a b[31mc'
    """
    printable = "".join(
        c
        for c in text
        if c.isspace() or unicodedata.category(c)[0] != "C" or c == ZERO_WIDTH_JOINER
    )
    return " ".join(printable.split())
