"""mmgcn recommend: a ranked list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    import polars as pl

    from mmgcn.serving.recommender import Recommender

RunOption = Annotated[Path, typer.Option("--run", help="The run folder.")]
KOption = Annotated[int, typer.Option("--k", "-k", help="How many.", min=1)]
LATEST = Path("runs/latest")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(recommend)


def recommend(
    user: Annotated[list[str] | None, typer.Option("--user", "-u", help="Repeatable.")] = None,
    users: Annotated[Path | None, typer.Option(help="A file with one user id a line.")] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every user of the run; needs --out.")
    ] = False,
    history: Annotated[
        str | None,
        typer.Option(help="Items with commas: for somebody who is not in the data and saw these."),
    ] = None,
    run: RunOption = LATEST,
    k: KOption = 10,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to .parquet, .csv or .jsonl.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="What each modality contributed, and the watched items most alike."
        ),
    ] = False,
    items: Annotated[
        Path | None, typer.Option(help="Rank only these: a file with one id a line.")
    ] = None,
    exclude: Annotated[
        Path | None, typer.Option(help="Leave these out: a file with one id a line.")
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(help="From 0 to 1: push down what resembles an item above.", min=0, max=1),
    ] = 0.0,
    cold: Annotated[
        str, typer.Option(help="Users not in the data: error, or popularity.")
    ] = "error",
    seen: Annotated[
        bool, typer.Option("--seen", help="Also items that the user has seen.")
    ] = False,
    captions: Annotated[
        Path | None,
        typer.Option(help="A table with item_id and caption, shown beside the items."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recommend items to users, with the user's own ids, best first.

    What a user has in the training and validation parts is left out.
    """
    if cold not in ("error", "popularity"):
        raise typer.BadParameter(f"'{cold}' is none of error, popularity", param_hint="--cold")
    asked = [bool(user or users), everyone, history is not None]
    if sum(asked) != 1:
        raise typer.BadParameter("name one of --user (or --users), --history, --all")
    if everyone and out is None:
        raise typer.BadParameter("--all needs --out FILE.parquet, .csv or .jsonl")

    from mmgcn.serving.recommender import Recommender

    recommender = Recommender.load(run)
    if everyone:
        from mmgcn.serving.export import write_table

        assert out is not None
        count = write_table(out, recommender.blocks(k=k, filter_seen=not seen))
        tell(f"{count:,} rows in {out}")
        return
    if history is not None:
        watched = [item for item in history.split(",") if item]
        table = recommender.recommend_history(watched, k=k)
    else:
        ids = [*(user or []), *(_lines(users) if users else [])]
        table = recommender.recommend(
            ids,
            k=k,
            filter_seen=not seen,
            items=_lines(items) if items else None,
            exclude=_lines(exclude) if exclude else None,
            cold=cold,  # type: ignore[arg-type]  # checked above
            diversity=diversity,
        )
    if out is not None:
        from mmgcn.serving.export import write_table

        write_table(out, iter([table]))
        tell(f"{table.height:,} rows in {out}")
    elif json:
        print_json(_rows(table, recommender, explain))
    else:
        _show(table, recommender, explain, read_captions(captions))


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except FileNotFoundError as error:
        raise ValueError(f"no file of ids at {path}") from error


def _rows(table: pl.DataFrame, recommender: Recommender, explain: bool) -> list[dict[str, Any]]:
    rows = table.to_dicts()
    if explain and "user_id" in table.columns:
        for row in rows:
            if row["user_id"] not in recommender.run.users.ids:
                continue
            why = recommender.explain(row["user_id"], row["item_id"])
            row["parts"] = why.parts
            row["nearest"] = {
                name: [item for item, _ in near] for name, near in why.nearest.items()
            }
    return rows


def _show(
    table: pl.DataFrame, recommender: Recommender, explain: bool, captions: dict[str, str]
) -> None:
    several = "user_id" in table.columns and table["user_id"].n_unique() > 1
    columns = [*(["user"] if several else []), "rank", "item", "score"]
    if captions:
        columns.append("caption")
    if explain and "user_id" in table.columns:
        columns += [*recommender.run.parts, "because you watched"]
    shown = console_table(*columns)
    for row in _rows(table, recommender, explain):
        cells = [row["user_id"]] if several else []
        cells += [str(row["rank"]), row["item_id"], f"{row['score']:.4f}"]
        if captions:
            cells.append(captions.get(row["item_id"], ""))
        if "parts" in row:
            cells += [f"{value:+.3f}" for value in row["parts"].values()]
            near = dict.fromkeys(items[0] for items in row["nearest"].values() if items)
            cells.append(", ".join(near))
        shown.add_row(*cells)
    print_table(shown)


def read_captions(path: Path | None) -> dict[str, str]:
    """Return the captions of a table by item id; none where there is no table."""
    if path is None:
        return {}
    import polars as pl

    table = pl.read_csv(path, infer_schema=False)
    if not {"item_id", "caption"} <= set(table.columns):
        raise ValueError(
            f"{path} needs the columns item_id and caption; it has: {', '.join(table.columns)}"
        )
    return dict(table.select("item_id", "caption").drop_nulls().iter_rows())
