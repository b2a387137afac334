"""mmgcn export: vectors of a run, or a data set with lists in the format of another tool."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extract.commands.options import PushOption, with_options
from extract.commands.usage import refuse_options, refuse_options_but
from mmgcn.commands.data import STUDY_DATA_FLAGS, load_for_study
from mmgcn.commands.options import LATEST, CaptionsOption, KOption, RunOption
from mmgcn.commands.output import JsonOption, print_json
from mmgcn.data.options import DataOptions

if TYPE_CHECKING:
    import polars as pl

VECTORS, PRETRAINED = "vectors", "pretrained"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(export)


@with_options(data=STUDY_DATA_FLAGS)
def export(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="[FORMAT]",
            help="vectors or pretrained (a run for the Hugging Face hub), or the format of a data "
            "set: elliot, mmrec, rectools, recbole, or one from a plugin.",
        ),
    ] = VECTORS,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder.")] = Path("export"),
    run: RunOption = LATEST,
    to: Annotated[
        str | None,
        typer.Option(
            help="Postgres database for tables instead of files: postgresql://USER@HOST/DATABASE.",
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="Prefix of the tables PREFIX_users and PREFIX_items; needs --to.")
    ] = "mmgcn",
    lists: Annotated[
        bool, typer.Option("--lists", help="Add the ranked lists of --run to the data set.")
    ] = False,
    k: KOption = 10,
    name: Annotated[str, typer.Option(help="Name of the data set.")] = "mmgcn",
    push: PushOption = None,
    captions: CaptionsOption = None,
    json: JsonOption = False,
    *,
    data: DataOptions,
) -> None:
    """Write the vectors of a run, or a data set in the format of another tool.

    Vectors are written as Parquet, .npy with ids, and CSV for pgvector; a score is the inner
    product of a user's and an item's vector. A data set is split as by `mmgcn fit`, so that other
    tools are trained and evaluated on the same parts.
    """
    if format_name == VECTORS:
        allowed = ("format_name", "out", "run", "to", "prefix", "json")
        refuse_options_but(*allowed, because="vectors are those of --run; name a FORMAT for data")
        _export_vectors(out, run, to, prefix, json)
        return
    refuse_options("to", "prefix", because="they are for vectors")
    if format_name == PRETRAINED:
        refuse_options_but(
            *("format_name", "out", "run", "push", "json"),
            because="a pretrained run is that of --run",
        )
        _export_pretrained(out, run, push, json)
        return
    refuse_options("push", because="it is for pretrained")
    if not lists:
        refuse_options("run", "k", because="it needs --lists")
    from mmgcn.content import Content
    from mmgcn.data.loading import sources_of
    from mmgcn.format import FORMATS, FormatError, WritableFormat

    kind = FORMATS.get(format_name)
    if not isinstance(kind, WritableFormat):
        writable = [
            each for each in FORMATS.names() if isinstance(FORMATS.get(each), WritableFormat)
        ]
        raise FormatError(
            f"the format {kind.name} can be read but not written. Formats to write: "
            f"{', '.join([VECTORS, PRETRAINED, *writable])}"
        )
    if out.exists() and any(out.iterdir()):
        raise FormatError(f"{out} contains files; name another folder with `out`")
    content = Content.of_dataset(load_for_study(data))
    if captions is not None:
        texts = _captions(captions, sources_of(data))
        content.add_captions(list(texts), list(texts.values()), source=captions)
    ranked = _ranked_lists(run, k) if lists else None
    out.mkdir(parents=True, exist_ok=True)
    written = kind.write(content, out, name=name, lists=ranked)
    if json:
        print_json(
            {
                "files": [str(path) for path in written.files],
                "usage": written.usage,
                "dropped": written.dropped,
            }
        )
        return
    for path in written.files:
        typer.echo(path)
    for line in written.dropped:
        typer.echo(f"dropped: {line}")
    for line in written.usage:
        typer.echo(line)


def _captions(captions: str, sources: Iterable[str]) -> dict[str, str]:
    """Return the captions of a table, and the transcripts of feature stores."""
    from extract.catalogue import caption_sources, read_captions
    from mmgcn.serving.spoken_captions import spoken_captions

    table, speech = caption_sources(captions)
    texts = {} if table is None else read_captions(table)[0]
    stores = [source for source in sources if "=" not in source]
    return texts if speech is None else spoken_captions(stores) | texts


def _ranked_lists(run: Path, k: int) -> pl.DataFrame:
    """Return the lists of all users of a run."""
    import polars as pl

    from mmgcn.serving.recommender import Recommender

    return pl.concat(Recommender.load(run).blocks(k=k))


def _export_pretrained(out: Path, run: Path, push: str | None, json: bool) -> None:
    from extract.publishing import push_to_hub
    from mmgcn.pretrained import save_pretrained

    folder = save_pretrained(run, out)
    url = None if push is None else push_to_hub(folder, push)
    if json:
        print_json({"folder": str(folder), "url": url})
        return
    typer.echo(f"{folder}: README.md is the card; choose a licence in it before you publish")
    if url is not None:
        typer.echo(url)


def _export_vectors(out: Path, run: Path, to: str | None, prefix: str, json: bool) -> None:
    if to is None:
        refuse_options("prefix", because="it is for --to DATABASE")
    else:
        refuse_options("out", because="--to writes tables, no files")

    from mmgcn.run import Run

    if to is not None:
        from mmgcn.serving.postgres import write_tables

        counts = write_tables(Run.load(run), to, prefix=prefix)
        if json:
            print_json({"tables": counts})
            return
        for table, count in counts.items():
            typer.echo(f"{count:,} rows in {table}")
        return
    from mmgcn.serving.export import export_vectors

    paths = [str(path) for path in export_vectors(Run.load(run), out)]
    if json:
        print_json({"files": paths})
        return
    for path in paths:
        typer.echo(path)
