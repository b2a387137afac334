"""mmgcn evaluate: how well a run ranks what was withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    from mmgcn.evaluation.groups import GroupFigures
    from mmgcn.evaluation.ranking import Csr, Scorer
    from mmgcn.run import Run


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


def evaluate(
    run: RunOption = LATEST,
    test: Annotated[
        Path | None,
        typer.Option(help="Test interactions.", show_default="those the run has withheld"),
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
    items would reach.

    With --cold-items, the figures of each group of items apart, over the users with a test item in
    it. Warm: with a training interaction. Head: of those the fewest, most watched first, that hold
    80 % of the interactions; tail: the others. Cold: without one, ranked by content alone.
    """
    from mmgcn.evaluation import ranking
    from mmgcn.run import Run

    asked = None if k is None else _ks(k)
    if candidates not in ("all", "cold"):
        raise typer.BadParameter(f"'{candidates}' is none of all, cold", param_hint="--candidates")
    if candidates == "cold" and not cold_items:
        raise typer.BadParameter("goes with --cold-items", param_hint="--candidates")
    opened = Run.load(run)
    relevant = _relevant(opened, test)
    seen = [opened.csr("seen"), opened.csr("valid")]
    num_items = len(opened.items)
    ks = asked or ranking.lengths(num_items)
    scorers = {
        opened.config["model"]: ranking.factor_scorer(opened.user, opened.item),
        "most popular": lambda users: opened.popularity[None].repeat(len(users), axis=0),
    }
    if cold_items:
        _evaluate_groups(opened, scorers, relevant, seen, ks, candidates, json=json)
        return
    figures = {}
    for name, scorer in scorers.items():
        figures[name] = ranking.evaluate(
            scorer, num_items=num_items, relevant=relevant, seen=seen, ks=ks
        )
        if json:
            print_json(figures[name])
            return
    num_users = int((relevant[0][1:] > relevant[0][:-1]).sum())
    typer.echo(f"{num_users:,} users with a test item; {num_items:,} items ranked for each")
    for family in ("recall", "ndcg", "precision", "hit_rate"):
        table = console_table(family, *(f"@{length}" for length in ks))
        for name, values in figures.items():
            table.add_row(name, *(f"{values[f'{family}@{length}']:.4f}" for length in ks))
        print_table(table)


def _evaluate_groups(
    run: Run,
    scorers: Mapping[str, Scorer],
    relevant: Csr,
    seen: Sequence[Csr],
    ks: Sequence[int],
    candidates: str,
    *,
    json: bool,
) -> None:
    """Show the figures of warm, head, tail and cold items apart."""
    from mmgcn.evaluation.groups import HEAD_SHARE, evaluate_groups, item_groups

    groups = item_groups(run.popularity)
    only = groups["cold"] if candidates == "cold" else None
    if only is not None:
        groups = {"cold": only}
    found = {
        name: evaluate_groups(
            scorer, groups=groups, relevant=relevant, seen=seen, ks=ks, candidates=only
        )
        for name, scorer in scorers.items()
        # Among cold items alone all are equally popular: a list of them would be of no order.
        if only is None or name == run.config["model"]
    }
    model, popular = found[run.config["model"]], found.get("most popular")
    if json:
        told = {name: asdict(held) for name, held in model.items()}
        for name, held in (popular or {}).items():
            told[name]["most_popular"] = held.figures
        print_json({"candidates": candidates, "head_share": HEAD_SHARE, "groups": told})
        return
    title = run.config["model"] + ("" if only is None else ", among cold items alone")
    _show_groups(model, popular, ks, title)
    if model["cold"].num_items and _took_cold_negatives(run):
        tell(
            "note: this run took items that nobody has watched as negatives, which can teach that "
            "they are unwanted; fit with --set negatives=watched to leave them to their content"
        )
    for name, held in model.items():
        if not held.figures:
            typer.echo(_emptiness(name, held, run.config["split"]))


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


def _relevant(run: Run, test: Path | None) -> Csr:
    if test is None:
        relevant = run.csr("test")
        if len(relevant[1]) == 0:
            raise ValueError(f"the run at {run.path} has withheld no test part; pass --test FILE")
        return relevant
    import numpy as np

    from mmgcn.data.interactions import read_interactions

    table = read_interactions(test, users=run.users, items=run.items)
    for note in table.notes:
        tell(f"note: {note}")
    known = np.zeros(len(table), dtype=bool)
    for part in ("seen", "valid"):
        indptr, indices = run.csr(part)
        users = np.repeat(np.arange(len(run.users)), np.diff(indptr))
        known |= np.isin(table.pair_keys(), users * len(run.items) + indices)
    if known.any():  # never in a list, they would only make the figures worse
        tell(
            f"note: {known.sum():,} of {len(known):,} pairs in {test} are in the run's training or "
            "validation part; they were left out"
        )
        table = table.take(~known)
    return table.csr()
