"""mmgcn recommend: a ranked list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.answer import Answer
from mmgcn.commands.document import ListPage, Shown
from mmgcn.commands.options import LATEST, CaptionsOption, KOption, RunOption
from mmgcn.commands.output import JsonOption, tell

if TYPE_CHECKING:
    import numpy as np

    from mmgcn.data.ids import IdMap
    from mmgcn.serving.recommender import Recommender


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(recommend)


def recommend(
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user", "-u", help="A user's id. Repeatable.", metavar="<str>", show_default=False
        ),
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
            metavar="<str>",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(
            help="A video that was never seen before: what goes with it, by its content. "
            "Repeatable; joins --history. Takes seconds, encoders are loaded.",
            metavar="<path>",
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
        typer.Option(
            help="Processes, with --engine ray.", show_default="one a CPU of the cluster", min=1
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recommend items to users, with the user's own ids, best first.

    What a user has watched, in the training and validation parts, is left out.
    """
    newcomer, local = bool(history or like), engine == "local"
    narrowed = bool(explain or items or exclude or diversity or per_creator)
    _refuse_first(
        ("--cold", cold not in ("error", "popularity"), f"'{cold}' is none of error, popularity"),
        (
            "",
            sum([bool(user or users), everyone, newcomer]) != 1,
            "name one of --user (or --users), --history (or --like), --all",
        ),
        ("", everyone and out is None, "--all needs --out FILE.parquet, .csv or .jsonl"),
        ("--engine", engine not in ("local", "ray"), f"'{engine}' is none of local, ray"),
        ("--engine", not local and not everyone, "ray makes the lists of --all"),
        ("--address", local and address is not None, "it needs --engine ray"),
        ("--workers", local and workers is not None, "it needs --engine ray"),
        (
            "--approximate",
            approximate and (not everyone or narrowed),
            "it goes with --all, --out, --k and --seen alone",
        ),
        (
            "--html",
            html is not None and (everyone or out is not None or json),
            "it goes with none of --all, --out, --json",
        ),
        ("--videos", videos is not None and html is None, "it is for --html FILE"),
        ("--features", features is not None and not like, "it is for --like VIDEO"),
        ("--encoder", bool(encoder) and not like, "it is for --like VIDEO"),
        ("--seen", seen and newcomer, "a history is never recommended; it is for --user and --all"),
        (
            "--cold",
            cold != "error" and (newcomer or everyone),
            "it is for --user and --users; other lists have no unknown users",
        ),
        (
            "--explain",
            explain and newcomer and out is not None,
            "with --history and --like it is printed, or written by --html; leave out --out",
        ),
        (
            "--per-creator",
            per_creator is not None and captions is None,
            "it needs --captions FILE, a table with item_id and creator",
        ),
    )

    from extract.cluster import Cluster
    from mmgcn.data.ids import UnknownIds
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
    answer = Answer(recommender, told, explain=explain, json=json, page=page)
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
    try:
        if file is not None:
            answer.to_file(file, ids, rules)
        else:
            answer.to_users(ids or [], rules)
    except UnknownIds as error:
        if error.kind == "user" and cold == "error":
            error.args = (f"{error}; --cold popularity gives unknown users the most popular items",)
        raise


def _refuse_first(*rules: tuple[str, bool, str]) -> None:
    """Refuse the first of some options that is wrong: its name, whether it is, and why."""
    for option, wrong, why in rules:
        if wrong:
            raise typer.BadParameter(why, param_hint=option or None)


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
    from mmgcn.serving.cold_start.cold_items import vectors

    return vectors(recommender.run, videos, store=features, encoders=encoders)
