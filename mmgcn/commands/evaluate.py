"""mmgcn evaluate: how well a run ranks what was withheld."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmgcn.commands.data import COLUMNS_HELP, MIN_RATING_HELP
from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    from mmgcn.evaluation.groups import GroupFigures
    from mmgcn.evaluation.withheld import Withheld
    from mmgcn.run import Run

AS_THE_RUN = "both as for the run's interactions, if neither is given"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


def evaluate(
    run: RunOption = LATEST,
    test: Annotated[
        Path | None,
        typer.Option(help="Test interactions.", show_default="those the run has withheld"),
    ] = None,
    columns: Annotated[
        str, typer.Option(help=f"With --test. {COLUMNS_HELP}", show_default=AS_THE_RUN)
    ] = "",
    min_rating: Annotated[
        float | None, typer.Option(help=f"With --test. {MIN_RATING_HELP}", show_default=AS_THE_RUN)
    ] = None,
    k: Annotated[
        str | None,
        typer.Option(
            "--k",
            "-k",
            help="Lengths, with commas.",
            show_default="of 5,10,20,50 those that the run has items for",
        ),
    ] = None,
    cold_items: Annotated[
        bool,
        typer.Option(
            "--cold-items",
            help="Figures for items that training knows and does not know apart; for a run of "
            "fit --split cold-items.",
        ),
    ] = False,
    candidates: Annotated[
        str,
        typer.Option(help="With --cold-items: rank all items, or the cold ones alone (cold)."),
    ] = "all",
    json: JsonOption = False,
) -> None:
    """Rank every item for every user and compare with the test part.

    Recall, precision, NDCG and hit rate, over the users with a test item; the items of the
    training and validation parts are left out of the lists. Beside them, what the most popular
    items would reach. Everything in --test counts, also users and items that the run does not
    know: such an item stands in no list, such a user is taken to be like the mean of the others.

    With --cold-items, the figures of each group of items apart, over the users with a test item in
    it. Warm: with a training interaction. Head: of those the fewest, most watched first, that hold
    80 % of the interactions; tail: the others. Cold: without one, ranked by content alone.
    """
    from mmgcn.evaluation.ranking import lengths
    from mmgcn.evaluation.withheld import POPULAR
    from mmgcn.run import Run

    asked = None if k is None else _ks(k)
    if candidates not in ("all", "cold"):
        raise typer.BadParameter(f"'{candidates}' is none of all, cold", param_hint="--candidates")
    if candidates == "cold" and not cold_items:
        raise typer.BadParameter("goes with --cold-items", param_hint="--candidates")
    if test is None and (columns or min_rating is not None):
        raise typer.BadParameter("goes with --test", param_hint="--columns or --min-rating")
    opened = Run.load(run)
    part = _withheld(opened, test, columns, min_rating)
    ks = asked or lengths(len(opened.items))
    if cold_items:
        _evaluate_groups(part, ks, candidates, json=json)
        return
    if json:
        print_json(part.figures(ks=ks))
        return
    figures = {name: part.figures(name, ks=ks) for name in (part.model, POPULAR)}
    num_users = int((part.relevant[0][1:] > part.relevant[0][:-1]).sum())
    typer.echo(f"{num_users:,} users with a test item; {len(opened.items):,} items ranked for each")
    for family in ("recall", "ndcg", "precision", "hit_rate"):
        table = console_table(family, *(f"@{length}" for length in ks))
        for name, values in figures.items():
            table.add_row(name, *(f"{values[f'{family}@{length}']:.4f}" for length in ks))
        print_table(table)


def _evaluate_groups(part: Withheld, ks: Sequence[int], candidates: str, *, json: bool) -> None:
    """Show the figures of warm, head, tail and cold items apart."""
    from mmgcn.evaluation.groups import HEAD_SHARE, evaluate_groups, item_groups
    from mmgcn.evaluation.withheld import POPULAR

    groups = item_groups(part.popularity)
    only = groups["cold"] if candidates == "cold" else None
    if only is not None:
        groups = {"cold": only}
    found = {
        name: evaluate_groups(
            scorer,
            groups=groups,
            relevant=part.relevant,
            seen=part.seen,
            ks=ks,
            candidates=only,
        )
        for name, scorer in part.scorers().items()
        # Among cold items alone all are equally popular: a list of them would be of no order.
        if only is None or name == part.model
    }
    model, popular = found[part.model], found.get(POPULAR)
    if json:
        told = {name: asdict(held) for name, held in model.items()}
        for name, held in (popular or {}).items():
            told[name]["most_popular"] = held.figures
        print_json({"candidates": candidates, "head_share": HEAD_SHARE, "groups": told})
        return
    title = part.model + ("" if only is None else ", among cold items alone")
    _show_groups(model, popular, ks, title)
    if model["cold"].num_items and _took_cold_negatives(part.run):
        tell(
            "note: this run took items that nobody has watched as negatives, which can teach that "
            "they are unwanted; fit with --set negatives=watched to leave them to their content"
        )
    for name, held in model.items():
        if not held.figures:
            typer.echo(_emptiness(name, held, part.run.config["split"]))


def _show_groups(
    model: Mapping[str, GroupFigures],
    popular: Mapping[str, GroupFigures] | None,
    ks: Sequence[int],
    title: str,
) -> None:
    """Print a table of recall and one of NDCG, beside what the popular and what chance reach."""
    known = {name: held for name, held in model.items() if held.figures}
    beside = max((k for k in ks if k <= 20), default=ks[0])
    for family in ("recall", "ndcg") if known else ():
        columns = {f"@{k}": {n: h.figures[f"{family}@{k}"] for n, h in known.items()} for k in ks}
        if popular is not None:
            columns[f"popular @{beside}"] = {
                name: popular[name].figures[f"{family}@{beside}"] for name in known
            }
        if family == "recall":
            columns[f"chance @{beside}"] = {
                name: held.chance[f"recall@{beside}"] for name, held in known.items()
            }
        table = console_table(family, "items", "users", *columns, title=title)
        for name, held in known.items():
            counts = (f"{held.num_items:,}", f"{held.num_users:,}")
            table.add_row(name, *counts, *(f"{values[name]:.4f}" for values in columns.values()))
        print_table(table)


def _took_cold_negatives(run: Run) -> bool:
    trained = run.config.get("best_epoch", 0) > 0
    return bool(trained and run.config["settings"].get("negatives") == "all")


def _emptiness(name: str, held: GroupFigures, split: str) -> str:
    """Say why a group has no figures."""
    if held.num_items == 0:
        why = "no item is in it"
    else:
        why = f"nobody has one of its {held.num_items:,} items withheld"
    hint = ""
    if name == "cold" and split != "cold-items":
        hint = f"; the run's split is {split}: fit with --split cold-items to withhold items"
    return f"{name}: empty, {why}{hint}"


def _ks(words: str) -> list[int]:
    try:
        ks = sorted({int(word) for word in words.split(",")})
    except ValueError as error:
        raise typer.BadParameter(
            f"'{words}' is not numbers with commas, such as 10,20", param_hint="--k"
        ) from error
    if ks[0] < 1:
        raise typer.BadParameter(f"{ks[0]} is less than 1", param_hint="--k")
    return ks


def _withheld(run: Run, test: Path | None, columns: str, min_rating: float | None) -> Withheld:
    """Return what the run has withheld, or what the file holds."""
    from mmgcn.data.table import read_interactions
    from mmgcn.evaluation.withheld import Withheld

    if test is None:
        part = Withheld.own(run)
        if len(part) == 0:
            raise ValueError(f"the run at {run.path} has withheld no test part; pass --test FILE")
        return part
    if not columns and min_rating is None:
        held = run.config.get("reading", {})
        columns, min_rating = held.get("columns") or "", held.get("min_rating")
        words = ["--columns", columns] if columns else []
        words += [] if min_rating is None else ["--min-rating", f"{min_rating:g}"]
        if words:
            tell(f"note: {test} is read as the run's interactions were, by {shlex.join(words)}")
    table = read_interactions(test, columns=columns, min_rating=min_rating)
    part = Withheld.given(run, table)
    for note in part.notes:
        tell(f"note: {note}")
    if len(part) == 0:
        raise ValueError(f"all of {test} is in the run's training or validation part")
    return part
