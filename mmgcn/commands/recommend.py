"""mmgcn recommend: a ranked list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.document import ListPage, Shown
from mmgcn.commands.listing import json_rows, show_list
from mmgcn.commands.options import LATEST, CaptionsOption, KOption, RunOption
from mmgcn.commands.output import JsonOption, print_json, tell, with_progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from extract.cluster import Cluster
    from mmgcn.data.ids import IdMap
    from mmgcn.serving.explanation import Explanation
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(recommend)


def recommend(
    user: Annotated[
        list[str] | None,
        typer.Option("--user", "-u", help="A user's id. Repeatable.", show_default=False),
    ] = None,
    users: Annotated[
        Path | None,
        typer.Option(
            help="A file of users: one id a line, or a table with user_id.", show_default=False
        ),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every user of the run; needs --out.")
    ] = False,
    history: Annotated[
        list[str] | None,
        typer.Option(
            help="Items, with commas or repeated: for somebody who is not in the data and has "
            "watched these.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(
            help="A video that was never seen before: what goes with it, by its content. "
            "Repeatable; joins --history. Takes seconds, encoders are loaded.",
            show_default=False,
        ),
    ] = None,
    run: RunOption = LATEST,
    k: KOption = 10,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="Write to .parquet, .csv or .jsonl; with --engine ray, to a folder or a URL such "
            "as s3://bucket/lists.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="What each modality and the id contribute to the score, and the watched items "
            "most alike in it.",
        ),
    ] = False,
    items: Annotated[
        Path | None,
        typer.Option(
            help="Rank only these: one id a line, or a table with item_id.", show_default=False
        ),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="Leave these out: one id a line, or a table with item_id.", show_default=False
        ),
    ] = None,
    approximate: Annotated[
        bool,
        typer.Option(
            "--approximate",
            help="For --all over very many items: look at the nearest clusters of items alone; "
            "how much of the exact lists that finds is told.",
        ),
    ] = False,
    diversity: Annotated[
        float,
        typer.Option(
            help="From 0 to 1: push down what resembles, in content, an item above.", min=0, max=1
        ),
    ] = 0.0,
    per_creator: Annotated[
        int | None,
        typer.Option(
            help="At most this many of one creator; needs --captions with a column creator.",
            min=1,
            show_default=False,
        ),
    ] = None,
    cold: Annotated[
        str, typer.Option(help="What users get who are not in the data: error, or popularity.")
    ] = "error",
    seen: Annotated[
        bool, typer.Option("--seen", help="Also items that the user has watched.")
    ] = False,
    captions: CaptionsOption = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write one self-contained page: the lists with posters and reasons.",
            show_default=False,
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="For --html: a folder of videos as for extract, or a table with item_id and path.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="For --like: the feature store of the run, if it was moved.", show_default=False
        ),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="For --like: as in extract, where the run's weights are not those of a preset.",
            metavar="MODALITY=NAME",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="What makes the lists of --all: local, or ray, a cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT.",
            show_default="Ray is started here",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="With --engine ray.", show_default="one a CPU of the cluster", min=1),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recommend items to users, with the user's own ids, best first.

    What a user has watched, in the training and validation parts, is left out.
    """
    if cold not in ("error", "popularity"):
        raise typer.BadParameter(f"'{cold}' is none of error, popularity", param_hint="--cold")
    newcomer = bool(history or like)
    if sum([bool(user or users), everyone, newcomer]) != 1:
        raise typer.BadParameter("name one of --user (or --users), --history (or --like), --all")
    if everyone and out is None:
        raise typer.BadParameter("--all needs --out FILE.parquet, .csv or .jsonl")
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"'{engine}' is none of local, ray", param_hint="--engine")
    if engine == "ray" and not everyone:
        raise typer.BadParameter("ray makes the lists of --all", param_hint="--engine")
    if engine == "local" and not (address is None and workers is None):
        raise typer.BadParameter("they need --engine ray", param_hint="--address and --workers")
    if approximate and (not everyone or explain or items or exclude or diversity or per_creator):
        raise typer.BadParameter(
            "it goes with --all, --out, --k and --seen alone", param_hint="--approximate"
        )
    if html is not None and (everyone or out is not None or json):
        raise typer.BadParameter("it goes with none of --all, --out, --json", param_hint="--html")
    if videos is not None and html is None:
        raise typer.BadParameter("it is for --html FILE", param_hint="--videos")
    if per_creator is not None and captions is None:
        raise typer.BadParameter(
            "it needs --captions FILE, a table with item_id and creator", param_hint="--per-creator"
        )

    from extract.cluster import Cluster
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender
    from mmgcn.serving.table_file import check_suffix, read_ids

    file = Path(out) if out is not None and engine == "local" else None
    if file is not None:
        check_suffix(file)
    recommender = Recommender.load(run)
    told = ItemTable() if captions is None else ItemTable.read(captions)
    rules: dict[str, Any] = {
        "k": k,
        "items": _known(items, recommender.run.items, "--items"),
        "exclude": _known(exclude, recommender.run.items, "--exclude"),
        "diversity": diversity,
    }
    if per_creator is not None:
        rules |= {"creators": told.creators(), "per_creator": per_creator}
    page = None if html is None else ListPage(html, recommender, Shown(videos, told))
    answer = _Answer(recommender, told, explain=explain, json=json, page=page)
    if newcomer:
        watched = _named(history or [], recommender.run.items)
        others = _placed(recommender, like or [], features, encoder or [])
        answer.to_newcomer(watched, others, rules, file)
        return
    rules |= {"filter_seen": not seen, "cold": cold}
    if approximate and file is not None:
        answer.to_file_by_index(file, rules)
        return
    if engine == "ray":
        assert out is not None, "--all needs it"
        answer.to_parts(out, rules, Cluster(address), workers)
        return
    ids = None
    if not everyone:
        ids = [*(user or []), *(read_ids(users, "user_id") if users else [])]
    if file is not None:
        answer.to_file(file, ids, rules)
    else:
        answer.to_users(ids or [], rules)


class _Answer:
    """Lists on their way out: to a person, to a program, or to a file."""

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
        run = self._recommender.run
        blocks = self._recommender.blocks(ids, **rules)
        if self._explain:
            blocks = (self._recommender.with_parts(block) for block in blocks)
        num_users = len(run.users) if ids is None else len(set(ids))
        self._write(out, blocks, num_users * min(rules["k"], len(run.items)))

    def to_file_by_index(self, out: Path, rules: dict[str, Any]) -> None:
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


def _named(history: Sequence[str], known: IdMap) -> list[str]:
    """Return the ids of a history. A text with commas is one id where the run knows it as one."""
    ids: list[str] = []
    for text in history:
        ids += [text] if known.get([text])[0] >= 0 else [one for one in text.split(",") if one]
    return ids


def _known(path: Path | None, known: IdMap, option: str) -> list[str] | None:
    """Return the ids in a file that the run knows, and tell of the others.

    Raises:
        UnknownIds: it knows none of them.
    """
    if path is None:
        return None
    from mmgcn.data.ids import UnknownIds
    from mmgcn.serving.table_file import read_ids

    ids = read_ids(path, "item_id")
    rows = known.get(ids)
    kept = [one for one, row in zip(ids, rows, strict=True) if row >= 0]
    if not kept:
        raise UnknownIds("item", ids, known.ids)
    if len(kept) < len(ids):
        tell(f"{option} {path}: {len(ids) - len(kept):,} of {len(ids):,} ids are not in the run")
    return kept


def _placed(
    recommender: Recommender, videos: Sequence[Path], features: Path | None, encoders: Sequence[str]
) -> np.ndarray | None:
    """Return where videos lie among the items of the run. Shapes: the result: (N, d)."""
    if not videos:
        return None
    from mmgcn.serving.unseen import vectors

    return vectors(recommender.run, videos, store=features, encoders=encoders)
