"""mmgcn evaluate: ranking metrics of a run on held-out interactions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extract.commands.options import with_options
from extract.commands.usage import given_options, refuse_options
from mmgcn.commands.data import data_flags, show_notes
from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table
from mmgcn.data.options import DataOptions

if TYPE_CHECKING:
    from mmgcn.evaluation.groups import GroupMetrics
    from mmgcn.evaluation.held_out import HeldOut
    from mmgcn.run import Run

READING = ("columns", "min_rating", "time_format")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


@with_options(data=data_flags("test", *READING))
def evaluate(
    *,
    run: RunOption = LATEST,
    data: DataOptions,
    k: Annotated[
        str | None,
        typer.Option(
            "--k",
            "-k",
            help="List lengths, separated by commas.",
            show_default="5,10,20,50, up to the number of items",
        ),
    ] = None,
    cold_items: Annotated[
        bool,
        typer.Option(
            "--cold-items",
            help="Separate metrics of items with and without training interactions; for a run of "
            "fit --split cold-items.",
        ),
    ] = False,
    candidates: Annotated[
        str,
        typer.Option(help="Candidates with --cold-items: all items (all) or cold items (cold)."),
    ] = "all",
    json: JsonOption = False,
) -> None:
    """Rank all items for every user and compare with the test part.

    Shows recall, precision, NDCG and hit rate over the users with a test item, and those of the
    most popular items for comparison. Items of the training and validation parts are excluded from
    the lists. All of --test counts, including users and items that are not in the run: such an item
    is in no list, and such a user has the mean vector of the others. --test is read with the run's
    --columns, --min-rating and --time-format, unless one of them is given.

    With --cold-items, shows the metrics of each group of items over the users with a test item in
    it. Warm: with a training interaction. Head: the most popular of these, which have 80 % of the
    interactions; tail: the others. Cold: without a training interaction, ranked by content alone.
    """
    from mmgcn.evaluation.held_out import POPULAR
    from mmgcn.evaluation.ranking import list_lengths
    from mmgcn.run import Run

    requested = None if k is None else _ks(k)
    if candidates not in ("all", "cold"):
        raise typer.BadParameter(
            f"'{candidates}' is not one of all, cold", param_hint="--candidates"
        )
    if candidates == "cold" and not cold_items:
        raise typer.BadParameter("it needs --cold-items", param_hint="--candidates")
    if data.test is None:
        refuse_options(*READING, because="it needs --test")
    loaded = Run.load(run)
    part = _held_out(loaded, data)
    ks = requested or list_lengths(len(loaded.items))
    if cold_items:
        _evaluate_groups(part, ks, candidates, json=json)
        return
    if json:
        print_json(part.metrics(ks=ks) | {"most_popular": part.metrics(POPULAR, ks=ks)})
        return
    metrics = {name: part.metrics(name, ks=ks) for name in (part.model, POPULAR)}
    num_users = int((part.relevant[0][1:] > part.relevant[0][:-1]).sum())
    typer.echo(f"{num_users:,} users with a test item; {len(loaded.items):,} items ranked for each")
    for family in ("recall", "ndcg", "precision", "hit_rate"):
        table = console_table(family, *(f"@{length}" for length in ks))
        for name, values in metrics.items():
            table.add_row(name, *(f"{values[f'{family}@{length}']:.4f}" for length in ks))
        print_table(table)


def _evaluate_groups(part: HeldOut, ks: Sequence[int], candidates: str, *, json: bool) -> None:
    """Show the metrics of warm, head, tail and cold items."""
    from mmgcn.evaluation.groups import HEAD_SHARE, evaluate_groups, item_groups
    from mmgcn.evaluation.held_out import POPULAR

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
        # Cold items are all equally popular, so that a list of them would have no order.
        if only is None or name == part.model
    }
    model, popular = found[part.model], found.get(POPULAR)
    if json:
        rows = {name: asdict(group) for name, group in model.items()}
        for name, group in (popular or {}).items():
            rows[name]["most_popular"] = group.metrics
        print_json({"candidates": candidates, "head_share": HEAD_SHARE, "groups": rows})
        return
    title = part.model + ("" if only is None else ", among cold items only")
    _show_groups(model, popular, ks, title)
    if model["cold"].num_items and _samples_cold_negatives(part.run):
        print_message(
            "note: this run sampled items without interactions as negatives, which can lower "
            "their rank; fit with --set negatives=watched to rank them by content alone"
        )
    for name, group in model.items():
        if not group.metrics:
            typer.echo(_empty_reason(name, group, part.run.config["split"]))


def _show_groups(
    model: Mapping[str, GroupMetrics],
    popular: Mapping[str, GroupMetrics] | None,
    ks: Sequence[int],
    title: str,
) -> None:
    """Print tables of recall and NDCG, with columns for popular items and for chance."""
    known = {name: group for name, group in model.items() if group.metrics}
    baseline_k = max((k for k in ks if k <= 20), default=ks[0])
    for family in ("recall", "ndcg") if known else ():
        columns = {f"@{k}": {n: h.metrics[f"{family}@{k}"] for n, h in known.items()} for k in ks}
        if popular is not None:
            columns[f"popular @{baseline_k}"] = {
                name: popular[name].metrics[f"{family}@{baseline_k}"] for name in known
            }
        if family == "recall":
            columns[f"chance @{baseline_k}"] = {
                name: group.chance[f"recall@{baseline_k}"] for name, group in known.items()
            }
        table = console_table(family, "items", "users", *columns, title=title)
        for name, group in known.items():
            counts = (f"{group.num_items:,}", f"{group.num_users:,}")
            table.add_row(name, *counts, *(f"{values[name]:.4f}" for values in columns.values()))
        print_table(table)


def _samples_cold_negatives(run: Run) -> bool:
    trained = run.config.get("best_epoch", 0) > 0
    return bool(trained and run.config["settings"].get("negatives") == "all")


def _empty_reason(name: str, group: GroupMetrics, split: str) -> str:
    """Return the reason why a group has no metrics."""
    if group.num_items == 0:
        reason = "it has no item"
    else:
        reason = f"none of its {group.num_items:,} items is held out"
    hint = ""
    if name == "cold" and split != "cold-items":
        hint = f"; the run's split is {split}: fit with --split cold-items to hold out items"
    return f"{name}: empty, {reason}{hint}"


def _ks(text: str) -> list[int]:
    try:
        ks = sorted({int(number) for number in text.split(",")})
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is not numbers separated by commas, such as 10,20", param_hint="--k"
        ) from error
    if ks[0] < 1:
        raise typer.BadParameter(f"{ks[0]} is less than 1", param_hint="--k")
    return ks


def _held_out(run: Run, data: DataOptions) -> HeldOut:
    """Return the run's own test part, or a file as test part."""
    from mmgcn.data.table import read_interactions
    from mmgcn.evaluation.held_out import HeldOut

    if data.test is None:
        part = HeldOut.own(run)
        if len(part) == 0:
            raise ValueError(f"the run at {run.path} has no test part; pass --test FILE")
        return part
    test = Path(data.test)
    if not any(name in given_options() for name in READING):
        reading = run.config.get("reading", {})
        data = replace(data, **{name: reading[name] for name in READING if reading.get(name)})
        options = [
            f"--{name.replace('_', '-')} {value:g}"
            if isinstance(value, float)
            else f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name in READING
            if (value := reading.get(name))
        ]
        if options:
            print_message(f"note: {data.test} is read with the run's options: {' '.join(options)}")
    table = read_interactions(
        test,
        columns=data.columns,
        min_rating=data.min_rating,
        time_format=data.time_format,
    )
    part = HeldOut.given(run, table)
    show_notes(part.notes)
    if len(part) == 0:
        raise ValueError(f"all of {data.test} is in the run's training or validation part")
    return part
