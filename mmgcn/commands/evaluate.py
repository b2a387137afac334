"""mmgcn evaluate: how well a run ranks what was withheld."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    from mmgcn.evaluation.ranking import Csr
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
    k: Annotated[str, typer.Option("--k", "-k", help="Lengths, with commas.")] = "5,10,20,50",
    json: JsonOption = False,
) -> None:
    """Rank every item for every user and compare with the test part.

    Recall, precision, NDCG and hit rate, over the users with a test item; the items of the
    training and validation parts are left out of the lists. Beside them, what the most popular
    items would reach.
    """
    from mmgcn.evaluation import ranking
    from mmgcn.run import Run

    ks = _ks(k)
    opened = Run.load(run)
    relevant = _relevant(opened, test)
    seen = [opened.csr("seen"), opened.csr("valid")]
    num_items = len(opened.items)
    scorers = {
        opened.config["model"]: ranking.factor_scorer(opened.user, opened.item),
        "most popular": lambda users: opened.popularity[None].repeat(len(users), axis=0),
    }
    figures = {}
    for name, scorer in scorers.items():
        figures[name] = ranking.evaluate(
            scorer, num_items=num_items, relevant=relevant, seen=seen, ks=ks
        )
        if json:
            print_json(figures[name])
            return
    for family in ("recall", "ndcg", "precision", "hit_rate"):
        table = console_table(family, *(f"@{length}" for length in ks))
        for name, values in figures.items():
            table.add_row(name, *(f"{values[f'{family}@{length}']:.4f}" for length in ks))
        print_table(table)


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
    from mmgcn.data.interactions import read_interactions

    table = read_interactions(test, users=run.users, items=run.items)
    for note in table.notes:
        tell(f"note: {note}")
    return table.csr()
