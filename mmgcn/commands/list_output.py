"""ListOutput: output of ranked lists to a terminal, as JSON, to files or to HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmgcn.commands.html_output import HtmlLists
from mmgcn.commands.listing import json_rows, show_list
from mmgcn.commands.output import print_json, print_message, with_progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from extract.cluster import Cluster
    from mmgcn.serving.explanation import Explanation
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.ranking_options import RankingOptions
    from mmgcn.serving.recommender import Recommender


class ListOutput:
    """Output of ranked lists.

    Args:
        recommender: recommender of the run.
        table: captions to print.
        options: ranking options.
        explain: whether to add explanations.
        json: whether to print only JSON.
        page: HTML file to write instead of printing.
    """

    def __init__(
        self,
        recommender: Recommender,
        table: ItemTable,
        options: RankingOptions,
        *,
        explain: bool,
        json: bool,
        page: HtmlLists | None,
    ) -> None:
        self._recommender, self._table, self._options = recommender, table, options
        self._explain, self._json = explain or page is not None, json
        self._page = page

    def for_users(self, ids: Sequence[str]) -> None:
        """Show the lists of users."""
        lists = self._recommender.recommend(ids, self._options)
        reasons: list[Explanation | None] | None = None
        if self._explain:
            index = self._recommender.run.users.get(lists["user_id"])
            pairs = zip(lists["user_id"], lists["item_id"], index, strict=True)
            reasons = [self._recommender.explain(u, i) if row >= 0 else None for u, i, row in pairs]
        if self._page is not None:
            self._page.write_users(lists, reasons or [])
            return
        self._show(lists, reasons)

    def for_history(
        self, watched: Sequence[str], cold_items: np.ndarray | None, out: Path | None
    ) -> None:
        """Show the list of a user who is not in the run, or write it to a file.

        Args:
            cold_items: vectors of watched videos that are not in the run. Shapes: (N, d).
        """
        ranked = self._recommender.recommend_history(watched, self._options, cold_items=cold_items)
        if out is not None:
            self._write(out, iter([ranked]), ranked.height)
            return
        reasons: list[Explanation | None] | None = None
        if self._explain:
            reasons = [
                self._recommender.explain_history(watched, item, cold_items=cold_items)
                for item in ranked["item_id"]
            ]
        if self._page is not None:
            self._page.write_history(watched, ranked, reasons or [])
            return
        self._show(ranked, reasons)

    def to_file(self, out: Path, ids: Sequence[str] | None) -> None:
        """Write the lists of users, by default of all users, to a file, block by block."""
        run = self._recommender.run
        blocks = self._recommender.blocks(ids, self._options)
        if self._explain:
            blocks = (self._recommender.with_parts(block) for block in blocks)
        num_users = len(run.users) if ids is None else len(set(ids))
        self._write(out, blocks, num_users * min(self._options.k, len(run.items)))

    def to_file_by_index(self, out: Path) -> None:
        """Write the approximate lists of all users to a file, and report their recall."""
        from mmgcn.serving.item_index import ItemIndex

        run, k = self._recommender.run, self._options.k
        index = ItemIndex(self._recommender, k=k)
        print_message(
            f"index: {index.num_probes:,} of {index.num_clusters:,} clusters probed, "
            f"{index.recall:.1%} of the exact lists found"
        )
        blocks = index.blocks(filter_seen=self._options.filter_seen)
        self._write(out, blocks, len(run.users) * min(k, len(run.items)))

    def to_parts(self, out: str, cluster: Cluster, workers: int | None) -> None:
        """Write the lists of all users into a folder or a URL, computed on a cluster."""
        from mmgcn.serving.bulk import write_lists

        run = self._recommender.run
        parts = write_lists(
            self._recommender,
            out,
            self._options,
            cluster=cluster,
            workers=workers,
            with_parts=self._explain,
        )
        total = len(run.users) * min(self._options.k, len(run.items))
        rows = (range(count) for count in parts)  # of the length of each part
        count = sum(map(len, with_progress(rows, total=total, doing="ranking")))
        self._report(out, count)

    def _write(self, out: Path, blocks: Iterator[pl.DataFrame], num_rows: int) -> None:
        from mmgcn.serving.table_file import write_table

        count = write_table(out, with_progress(blocks, total=num_rows, doing="ranking"))
        self._report(str(out), count)

    def _report(self, out: str, count: int) -> None:
        if self._json:
            print_json({"path": out, "num_rows": count})
        else:
            print_message(f"{count:,} rows in {out}")

    def _show(self, lists: pl.DataFrame, reasons: list[Explanation | None] | None) -> None:
        if self._json:
            print_json(json_rows(lists, reasons))
        else:
            show_list(lists, self._table, self._recommender.run, reasons=reasons)
