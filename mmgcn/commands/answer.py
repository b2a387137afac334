"""Lists on their way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmgcn.commands.document import ListPage
from mmgcn.commands.listing import json_rows, show_list
from mmgcn.commands.output import print_json, tell, with_progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from extract.cluster import Cluster
    from mmgcn.serving.explanation import Explanation
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender


class Answer:
    """Lists on their way out: to a person, to a program, or to a file.

    The rules of a list are the keywords of `Recommender.blocks`.
    """

    def __init__(
        self,
        recommender: Recommender,
        told: ItemTable,
        *,
        explain: bool,
        json: bool,
        page: ListPage | None,
    ) -> None:
        self._recommender, self._told = recommender, told
        self._explain, self._json = explain or page is not None, json
        self._page = page

    def to_users(self, ids: Sequence[str], rules: dict[str, Any]) -> None:
        """Show the lists of users."""
        table = self._recommender.recommend(ids, **rules)
        reasons: list[Explanation | None] | None = None
        if self._explain:
            rows = self._recommender.run.users.get(table["user_id"])
            pairs = zip(table["user_id"], table["item_id"], rows, strict=True)
            reasons = [self._recommender.explain(u, i) if row >= 0 else None for u, i, row in pairs]
        if self._page is not None:
            self._page.write_users(table, reasons or [])
            return
        self._show(table, reasons)

    def to_newcomer(
        self,
        watched: Sequence[str],
        others: np.ndarray | None,
        rules: dict[str, Any],
        out: Path | None,
    ) -> None:
        """Show the list of somebody who is not in the data, or write it to a file.

        Args:
            others: videos that were watched and are not in the run. Shapes: (N, d).
        """
        table = self._recommender.recommend_history(watched, others=others, **rules)
        if out is not None:
            self._write(out, iter([table]), table.height)
            return
        reasons: list[Explanation | None] | None = None
        if self._explain:
            reasons = [
                self._recommender.explain_history(watched, item, others=others)
                for item in table["item_id"]
            ]
        if self._page is not None:
            self._page.write_newcomer(watched, table, reasons or [])
            return
        self._show(table, reasons)

    def to_file(self, out: Path, ids: Sequence[str] | None, rules: dict[str, Any]) -> None:
        """Write the lists of users to a file, a block at a time; of all, where none is named."""
        run = self._recommender.run
        blocks = self._recommender.blocks(ids, **rules)
        if self._explain:
            blocks = (self._recommender.with_parts(block) for block in blocks)
        num_users = len(run.users) if ids is None else len(set(ids))
        self._write(out, blocks, num_users * min(rules["k"], len(run.items)))

    def to_file_by_index(self, out: Path, rules: dict[str, Any]) -> None:
        """Write the approximate lists of all users to a file, and tell how good they are."""
        from mmgcn.serving.item_index import ItemIndex

        run, k = self._recommender.run, rules["k"]
        index = ItemIndex(self._recommender, k=k)
        tell(
            f"index: {index.num_probes:,} of {index.num_clusters:,} clusters are looked at, which "
            f"finds {index.recall:.1%} of the exact lists"
        )
        blocks = index.blocks(filter_seen=rules["filter_seen"])
        self._write(out, blocks, len(run.users) * min(k, len(run.items)))

    def to_parts(
        self, out: str, rules: dict[str, Any], cluster: Cluster, workers: int | None
    ) -> None:
        """Write the lists of all users into a folder or a URL, made on a cluster."""
        from mmgcn.serving.bulk import write_lists

        run = self._recommender.run
        parts = write_lists(
            self._recommender,
            out,
            cluster=cluster,
            workers=workers,
            with_parts=self._explain,
            **rules,
        )
        total = len(run.users) * min(rules["k"], len(run.items))
        rows = (range(count) for count in parts)  # as long as the part is
        count = sum(map(len, with_progress(rows, total=total, doing="ranking")))
        self._tell_of(out, count)

    def _write(self, out: Path, blocks: Iterator[pl.DataFrame], num_rows: int) -> None:
        from mmgcn.serving.table_file import write_table

        count = write_table(out, with_progress(blocks, total=num_rows, doing="ranking"))
        self._tell_of(str(out), count)

    def _tell_of(self, out: str, count: int) -> None:
        if self._json:
            print_json({"path": out, "num_rows": count})
        else:
            tell(f"{count:,} rows in {out}")

    def _show(self, table: pl.DataFrame, reasons: list[Explanation | None] | None) -> None:
        if self._json:
            print_json(json_rows(table, reasons))
        else:
            show_list(table, self._told, reasons=reasons)
