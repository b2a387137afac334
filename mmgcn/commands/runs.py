"""mmgcn runs: the runs of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

SHOWN = ("recall@20", "ndcg@20")
LATEST_NAME = "latest"
RunArgument = Annotated[
    str, typer.Argument(help="Name of a run, latest, or a run folder.", metavar="RUN")
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of runs.")]

app = typer.Typer(help="List, compare, pin and remove the runs of a folder.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the command to the app."""
    parent.add_typer(app, name="runs")


@app.command("ls")
def list_runs(out: OutOption = Path("runs"), json: JsonOption = False) -> None:
    """List the runs, the latest training first, with their validation metrics."""
    from mmgcn.run_list import list_runs as find_runs

    runs = find_runs(out)
    if json:
        print_json(
            [
                {
                    "run": run.name,
                    "model": run.model,
                    "metrics": run.metrics,
                    "bytes": run.num_bytes,
                    "latest": run.is_latest,
                    "pinned": run.is_pinned,
                }
                for run in runs
            ]
        )
        return
    table = console_table("run", "model", *SHOWN, "MB", "")
    for run in runs:
        table.add_row(
            run.name,
            run.model or "(unfinished)",
            *(f"{run.metrics[name]:.4f}" if name in run.metrics else "" for name in SHOWN),
            f"{run.num_bytes / 1e6:,.1f}",
            ", ".join(
                word
                for word, applies in (("latest", run.is_latest), ("pinned", run.is_pinned))
                if applies
            ),
        )
    print_table(table)


@app.command("show")
def show(
    run: RunArgument = LATEST_NAME, out: OutOption = Path("runs"), json: JsonOption = False
) -> None:
    """Show the data, settings and validation metrics of a run."""
    from mmgcn.run import Run

    opened = Run.load(run_path(run, out))
    if json:
        print_json({"run": str(opened.path)} | opened.config)
        return
    config = opened.config
    counts = config.get("num_interactions", {})
    encoders = {name: each.get("encoder") for name, each in config.get("features", {}).items()}
    metrics = {
        name: value
        for name, value in config.get("valid", {}).items()
        if name.startswith(("recall@", "ndcg@"))
    }
    lines = {
        "model": f"{config['model']}, seed {config.get('seed')}",
        "data": f"{config['num_users']:,} users, {config['num_items']:,} items, split "
        f"{config.get('split')}: {', '.join(f'{n:,} {part}' for part, n in counts.items())}",
        "features": ", ".join(f"{name} ({encoder})" for name, encoder in encoders.items())
        or "none",
        "settings": _named(config.get("settings", {})) or "none",
        "best epoch": f"{config.get('best_epoch')}, {config.get('train_seconds', 0):,.1f} s",
        "validation": _named(metrics) or "none",
        "written by": _named(config.get("versions", {}), " "),
    }
    table = console_table("run", opened.path.name)
    for name, text in lines.items():
        table.add_row(name, text)
    print_table(table)


@app.command("compare")
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(help="Two or more runs: names, latest, or run folders.", metavar="RUN..."),
    ],
    out: OutOption = Path("runs"),
    json: JsonOption = False,
) -> None:
    """Compare runs: differing settings, and validation metrics."""
    from mmgcn.run import Run
    from mmgcn.run_list import differing_settings

    if len(runs) < 2:
        raise typer.BadParameter("name two runs or more", param_hint="RUN...")
    opened = [Run.load(run_path(run, out)) for run in runs]
    names = [run.path.name for run in opened]
    differing = differing_settings(opened)
    metrics = {name: [run.config.get("valid", {}).get(name) for run in opened] for name in SHOWN}
    if json:
        print_json({"runs": names, "settings": differing, "metrics": metrics})
        return
    table = console_table("", *names)
    for name, values in differing.items():
        table.add_row(name, *("" if value is None else _short(value) for value in values))
    for name, values in metrics.items():
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    print_table(table)
    if not differing:
        typer.echo("the runs have the same model, data, settings and seed")
    elif "interactions" in differing or "split" in differing:
        typer.echo(
            "the runs were validated on different interactions: their metrics are not comparable"
        )


@app.command("pin")
def pin(
    run: RunArgument = LATEST_NAME,
    out: OutOption = Path("runs"),
    undo: Annotated[bool, typer.Option("--undo", help="Allow prune to remove it again.")] = False,
) -> None:
    """Keep a run from being removed by `mmgcn runs prune`."""
    from mmgcn.run_list import pin_run

    path = run_path(run, out)
    pin_run(path, pinned=not undo)
    typer.echo(f"{path.resolve().name} is {'no longer ' if undo else ''}pinned")


def run_path(name: str, out: Path) -> Path:
    """Return the folder of a run, given by its name in `out` or by its path."""
    return out / name if not Path(name).is_dir() else Path(name)


def _named(values: dict[str, object], between: str = "=") -> str:
    return ", ".join(f"{name}{between}{_short(value)}" for name, value in values.items())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@app.command("prune")
def prune(
    keep: Annotated[int, typer.Option(help="Number of finished runs to keep.", min=1)],
    out: OutOption = Path("runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs that would be removed, only.")
    ] = False,
) -> None:
    """Remove all finished runs except the latest ones.

    Pinned runs, and the run that the link `latest` points to, are kept.
    """
    from mmgcn.run_list import prune_runs

    removed = prune_runs(out, keep=keep, dry_run=dry_run)
    for run in removed:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {run.path}")
    if not removed:
        typer.echo("no run to remove")
