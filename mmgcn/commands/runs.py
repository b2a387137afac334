"""mmgcn runs: the runs of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

SHOWN = ("recall@20", "ndcg@20")
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of runs.")]

app = typer.Typer(help="List the runs of a folder, and remove old ones.", no_args_is_help=True)


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
                }
                for run in runs
            ]
        )
        return
    table = console_table("run", "model", *SHOWN, "MB", "latest")
    for run in runs:
        table.add_row(
            run.name,
            run.model or "(unfinished)",
            *(f"{run.metrics[name]:.4f}" if name in run.metrics else "" for name in SHOWN),
            f"{run.num_bytes / 1e6:,.1f}",
            "yes" if run.is_latest else "",
        )
    print_table(table)


@app.command("prune")
def prune(
    keep: Annotated[int, typer.Option(help="Number of finished runs that stay.", min=1)],
    out: OutOption = Path("runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")
    ] = False,
) -> None:
    """Remove finished runs but for the latest ones. The run of the link `latest` stays."""
    from mmgcn.run_list import prune_runs

    removed = prune_runs(out, keep=keep, dry_run=dry_run)
    for run in removed:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {run.path}")
    if not removed:
        typer.echo("no run to remove")
