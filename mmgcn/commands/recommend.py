"""mmgcn recommend: ranked lists of items for users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extract.commands.options import Flag, with_options
from extract.commands.usage import refuse_options
from mmgcn.commands.html_output import HtmlLists, MediaForHtml
from mmgcn.commands.list_output import ListOutput
from mmgcn.commands.new_user import NEW_USER_FLAGS, NewUser
from mmgcn.commands.options import LATEST, CaptionsOption, PosterVideosOption, RunOption, item_table
from mmgcn.commands.output import JsonOption, print_message
from mmgcn.commands.ranking import K_FLAG, PER_CREATOR_FLAG, ids_in_file, with_creators
from mmgcn.serving.ranking_options import RankingOptions

if TYPE_CHECKING:
    from mmgcn.data.ids import IdMap

ENGINES = ("local", "ray")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(recommend)


@with_options(
    options={
        "k": K_FLAG,
        "filter_seen": Flag(("--filter-seen/--seen",)),
        "items": Flag(
            help="Candidates: a file with one item id per line, or a table with item_id.",
            metavar="<path>",
            parse=lambda text: ids_in_file(text, "item_id"),
            repeatable=False,
        ),
        "exclude": Flag(
            help="Items to leave out: a file with one id per line, or a table with item_id.",
            metavar="<path>",
            parse=lambda text: ids_in_file(text, "item_id"),
            repeatable=False,
        ),
        "creators": None,
        "per_creator": PER_CREATOR_FLAG,
    },
    new_user=NEW_USER_FLAGS,
)
def recommend(
    *,
    options: RankingOptions,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", "-u", help="User id. Repeatable.", metavar="<str>"),
    ] = None,
    users: Annotated[
        Path | None,
        typer.Option(help="File of users: one id per line, or a table with user_id."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="All users of the run; needs --out.")
    ] = False,
    new_user: NewUser,
    run: RunOption = LATEST,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="Output file, .parquet, .csv or .jsonl; with --engine ray, a folder or a URL such "
            "as s3://bucket/lists.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show the contribution of each channel to the score, and the most similar watched "
            "items.",
        ),
    ] = False,
    approximate: Annotated[
        bool,
        typer.Option(
            "--approximate",
            help="Approximate search over very many items, for --all; reports the share of the "
            "exact lists that was found.",
        ),
    ] = False,
    captions: CaptionsOption = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Output file in HTML, self-contained: the lists with posters and explanations."
        ),
    ] = None,
    videos: PosterVideosOption = None,
    features: Annotated[
        Path | None,
        typer.Option(help="Feature store of the run for --like, if it was moved."),
    ] = None,
    encoders: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Encoder for --like, as in extract, if the weights of the run's features were "
            "moved. Repeatable.",
            metavar="MODALITY=NAME",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="Engine of --all.", metavar="[local|ray]"),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Address of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT.",
            show_default="Ray is started here",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Number of processes with --engine ray.",
            show_default="one per CPU of the cluster",
            min=1,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recommend items to users, best first.

    Items that a user watched in the training and validation parts are left out.
    """
    if sum([bool(user or users), everyone, bool(new_user)]) != 1:
        raise typer.BadParameter(
            "name one of --user (or --users), --history (or --like), --all", param_hint=""
        )
    if engine not in ENGINES:
        raise typer.BadParameter(
            f"'{engine}' is not one of {', '.join(ENGINES)}", param_hint="--engine"
        )
    if everyone and out is None:
        raise typer.BadParameter("--all needs --out FILE.parquet, .csv or .jsonl", param_hint="")
    _refuse_ignored(
        everyone=everyone,
        fold_in=bool(new_user),
        like=bool(new_user.like),
        out=out is not None,
        html=html is not None,
        ray=engine == "ray",
        approximate=approximate,
        uses_captions=bool(new_user.like) or (out is None and not json),
        per_creator=options.per_creator is not None,
    )

    from mmgcn.serving.recommender import Recommender
    from mmgcn.serving.spoken_captions import stores_of
    from mmgcn.serving.table_file import check_suffix

    file = Path(out) if out is not None and engine == "local" else None
    if file is not None:
        check_suffix(file)
    recommender = Recommender.load(run)
    table = item_table(captions)
    options = with_creators(options, table).changed(
        items=_known(options.items, recommender.run.items, "--items"),
        exclude=_known(options.exclude, recommender.run.items, "--exclude"),
    )
    page = None
    if html is not None:
        media = MediaForHtml(videos, table, stores=stores_of(recommender.run))
        page = HtmlLists(html, recommender, media)
    output = ListOutput(recommender, table, options, explain=explain, json=json, page=page)
    if new_user:
        cold_items = new_user.item_vectors(
            recommender.run, store=features, encoders=encoders or [], captions=captions
        )
        output.for_history(new_user.item_ids(recommender.run.items), cold_items, file)
    elif approximate and file is not None:
        output.to_file_by_index(file)
    elif engine == "ray":
        from extract.cluster import Cluster

        assert out is not None, "--all needs it"
        output.to_parts(out, Cluster(address), workers)
    else:
        listed = [*(user or []), *(ids_in_file(users, "user_id") if users else [])]
        if file is not None:
            output.to_file(file, None if everyone else listed)
        else:
            output.for_users(listed)


def _refuse_ignored(
    *,
    everyone: bool,
    fold_in: bool,
    like: bool,
    out: bool,
    html: bool,
    ray: bool,
    approximate: bool,
    uses_captions: bool,
    per_creator: bool,
) -> None:
    """Refuse the options that the requested mode would ignore."""
    if fold_in:
        reason = "--history and --like rank for a user outside the run, never items of the history"
        refuse_options("filter_seen", "unknown_users", because=reason)
    if fold_in and out:
        reason = "explanations of --history and --like are printed or written by --html, not --out"
        refuse_options("explain", because=reason)
    if everyone:
        refuse_options("unknown_users", because="--all ranks only for users of the run")
    else:
        refuse_options("engine", "approximate", because="it is for --all")
    if not like:
        refuse_options("features", "encoders", because="it is for --like VIDEO")
    if html and (out or everyone):
        refuse_options("html", because="it goes with none of --all, --out, --json")
    if html:
        refuse_options("json", because="--html goes with none of --all, --out, --json")
    else:
        refuse_options("videos", because="it is for --html FILE")
    if not ray:
        refuse_options("address", "workers", because="it needs --engine ray")
    if approximate:
        refuse_options(
            *("explain", "items", "exclude", "diversity", "per_creator", "engine"),
            because="--approximate goes only with --all, --out, --k and --seen",
        )
    if not (uses_captions or per_creator):
        refuse_options("captions", because="captions are printed; --out and --json have none")


def _known(ids: Iterable[str] | None, known: IdMap, option: str) -> Sequence[str] | None:
    """Return the ids that are in the run, and print a note on the others.

    Raises:
        UnknownIds: no id is in the run.
    """
    if ids is None:
        return None
    from mmgcn.data.ids import UnknownIds

    ids = tuple(ids)
    kept = [one for one, index in zip(ids, known.get(ids), strict=True) if index >= 0]
    if not kept:
        raise UnknownIds("item", ids, known.ids)
    if len(kept) < len(ids):
        print_message(f"{option}: {len(ids) - len(kept):,} of {len(ids):,} ids are not in the run")
    return kept
