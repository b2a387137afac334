"""RankedLists: ranked lists for display in a notebook, with posters and captions."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from extract.store import file_name
from mmgcn.report.markup import Markup, element, joined
from mmgcn.serving.item_table import ItemTable

COLUMNS = ("item_id", "score", "rank")
CARD = "flex:0 0 9em;width:9em;font-size:.85em;line-height:1.3;overflow-wrap:anywhere"
IMAGE = "width:100%;aspect-ratio:4/3;object-fit:cover;border-radius:.4em;background:#8883"
ROW = "display:flex;gap:.8em;overflow-x:auto;margin:0 0 1em;padding:0"
MAX_LISTS = 20  # number of lists in a cell, since a notebook embeds every image


class RankedLists:
    """Lists of `Recommender.recommend`, `recommend_history` or `similar`, displayed in a notebook.

    As the last expression of a cell they are shown as a row of cards per user; `table` is the data.

    Args:
        table: columns item_id, score and rank, and optionally user_id.
        captions: captions by item id, or a table with item_id and caption (.csv .tsv .parquet
            .jsonl).
        posters: folder of `mmgcn extract --posters`, whose images are embedded as data URIs. Items
            without an image are shown by their ids.

    Raises:
        ValueError: a column is missing.
        OSError: `captions` or `posters` does not exist.
    """

    def __init__(
        self,
        table: pl.DataFrame,
        *,
        captions: Mapping[str, str] | Path | str | None = None,
        posters: Path | str | None = None,
    ) -> None:
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise ValueError(
                f"the table has no column {' and '.join(missing)}; pass the result of "
                "Recommender.recommend, recommend_history or similar"
            )
        if isinstance(captions, Path | str):
            captions = ItemTable.read(Path(captions)).captions(table["item_id"].to_list())
        self.table, self._captions = table, dict(captions or {})
        self._posters = None if posters is None else Path(posters)
        if self._posters is not None and not self._posters.is_dir():
            raise NotADirectoryError(f"no folder of posters at {posters}")

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Return the lists as HTML, the first MAX_LISTS of them."""
        if "user_id" not in self.table.columns:
            return self._row(self.table)
        groups = self.table.partition_by("user_id", maintain_order=True)
        rows = [
            joined([element("h4", f"User {group['user_id'][0]}"), self._row(group)])
            for group in groups[:MAX_LISTS]
        ]
        if len(groups) > MAX_LISTS:
            rows.append(element("p", f"and {len(groups) - MAX_LISTS:,} further lists"))
        return element("div", rows)

    def _row(self, rows: pl.DataFrame) -> Markup:
        cards = [self._card(row) for row in rows.iter_rows(named=True)]
        return element("div", cards, style=ROW)

    def _card(self, row: Mapping[str, Any]) -> Markup:
        item_id = row["item_id"]
        caption = self._captions.get(item_id)
        image = self._image(item_id)
        return element(
            "figure",
            element("img", src=image, alt="", style=IMAGE) if image else None,
            element(
                "figcaption",
                element("b", f"{row['rank']}. ", caption or item_id, dir="auto"),
                element("div", element("code", item_id)) if caption else None,
                element("div", f"{row['score']:.3f}"),
            ),
            style=f"margin:0;{CARD}",
        )

    def _image(self, item_id: str) -> str | None:
        """Return the poster of an item as a data URI."""
        if self._posters is None:
            return None
        path = self._posters / f"{file_name(item_id)}.jpg"
        if not path.is_file():
            return None
        return f"data:image/jpeg;base64,{b64encode(path.read_bytes()).decode()}"
