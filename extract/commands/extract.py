"""mmgcn extract: videos to features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from extract.cluster import Cluster
from extract.commands.options import Flag, with_options
from extract.commands.output import Json, print_message
from extract.commands.parsing import (
    catalogue_of,
    check_images,
    comma_separated,
    encoder_of,
    engine_of,
    one_of,
    shard_of,
)
from extract.commands.summary import print_report, progress_bar
from extract.commands.usage import refuse_options, refuse_options_but
from extract.commands.verify import verify_store
from extract.config import ExtractConfig

if TYPE_CHECKING:
    from extract.catalogue import IdFrom

SOME_FAILED, INTERRUPTED = 3, 130
NOT_WATCHED = ("list_file", "limit", "shard", "dry_run", "json", "verify", "retry_failed")
CLUSTER_OPTIONS = ("address", "num_cpus_per_worker", "num_gpus_per_worker")

CONFIG_FLAGS = {
    "modalities": Flag(
        ("--modality", "-m"),
        help="Names or letters of modalities, separated by commas.",
        parse=comma_separated,
        repeatable=False,
        show_default="v,a,t",
    ),
    "encoders": Flag(
        ("--encoder",),
        help="MODALITY=NAME, MODALITY=NAME:WEIGHTS, or MODALITY=FAMILY:NAME with a model or folder "
        "of timm, torchvision, hf (transformers) or st (sentence-transformers). Repeatable; "
        "several of one modality share one pass over the file, and `fit` uses the last one.",
        parse=encoder_of,
        repeatable=True,
        metavar="MODALITY=NAME",
    ),
    "pooling": Flag(
        help="How encoders of the family hf reduce token states to a row; by default as the "
        "network's own configuration says."
    ),
    "num_frames": Flag(show_default="16", min=1),
    "fps": Flag(help="Frames per second, instead of --num-frames."),
    "every_nth": Flag(help="Every n-th frame, instead of --num-frames.", min=1),
    "keyframes": Flag(help="Key frames only, instead of --num-frames."),
    "device": Flag(help="Device of the encoders: auto, cpu, cuda or cuda:N."),
    "engine": None,
    "workers": Flag(
        help="Number of worker processes; with --engine ray, of actors per encoder.",
        show_default="one per core",
        min=1,
    ),
    "cluster": None,
    "speech": Flag(part_of="--captions speech[:FOLDER]"),
    "strict": Flag(help="Stop at the first failure, with exit code 1."),
    "verify": Flag(
        help="Check everything in the store against its records and hashes. With VIDEOS, extract "
        "what is damaged again; without, only report it."
    ),
    "posters": Flag(parse=Path, metavar="<path>"),
    "sprites": Flag(parse=Path, metavar="<path>"),
    "clip_timeout_seconds": Flag(("--clip-timeout",), min=0.001),
    "clip_memory_gib": Flag(("--clip-memory",), min=0.001, max=2.0**20),
    "limits": None,
}
CLUSTER_FLAGS = {
    "address": Flag(show_default="a local cluster is started"),
    "num_cpus_per_worker": Flag(show_default="half of all CPUs, shared", min=0),
    "num_gpus_per_worker": Flag(min=0),
}


@with_options(config=CONFIG_FLAGS, cluster=CLUSTER_FLAGS)
def extract(
    *,
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folder of videos (searched with its subfolders), or files, or patterns such as "
            "'clips/*.mp4', or a URL of these, such as s3://bucket/clips, or - to read paths from "
            "standard input.",
            metavar="VIDEOS",
            show_default=False,
        ),
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="Table with item_id and caption (.csv .tsv .jsonl .parquet). Without it, "
            "captions.csv in or beside the folder, a .txt .json .srt or .vtt beside each video, or "
            "the title inside it. Without VIDEOS, its rows are the items. With speech, "
            "speech:MODEL or TABLE,speech, also transcripts by Whisper.",
            metavar="TABLE",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Number of items: only the first N.", show_default=False, min=1),
    ] = None,
    list_file: Annotated[
        Path | None,
        typer.Option(
            "--list",
            help="File list, in place of VIDEOS: a path or URL per line, or a table (.csv .tsv "
            ".jsonl .parquet) with a column path and optionally item_id and caption.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Part i of n of the items, written i/n with i from 1 to n. All parts may fill one "
            "--out at the same time; the same command without --shard then makes it current.",
            metavar="I/N",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Feature store.")] = Path("features"),
    id_from: Annotated[
        str,
        typer.Option("--id", help="Source of an item's id: stem (of its file) or relative-path."),
    ] = "stem",
    config: ExtractConfig,
    engine: Annotated[
        str,
        typer.Option(
            help="Runtime of the image encoders on a CPU, torch or onnx, and where everything "
            "runs: local, or ray for a cluster. One of each, separated by a comma: ray,onnx."
        ),
    ] = "torch",
    cluster: Cluster,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only report what would be extracted, and about how long it takes."
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Keep extracting files that arrive in the folder VIDEOS, until Ctrl-C. A file is "
            "taken once its size has not changed for five seconds.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Extract features from videos: visual (v), acoustic (a), textual (t) and motion (m).

    One .npy of (rows, width) per video and modality. Rows of unchanged videos are kept, so the same
    command resumes and updates. Exit code 3 means that some items failed.
    """
    if config.verify and not videos and list_file is None:
        refuse_options_but(
            "verify", "out", "json", because="--verify without VIDEOS only checks the store"
        )
        verify_store(out, json=json)
        return
    from extract.catalogue import caption_sources

    network, on_ray = engine_of(engine)
    if not on_ray:
        refuse_options(*CLUSTER_OPTIONS, because="it needs --engine ray")
    one_of("id", id_from, ("stem", "relative-path"))
    part = shard_of(shard)
    table, speech = caption_sources(captions)
    config = replace(config, engine=network, cluster=cluster if on_ray else None, speech=speech)
    if watch:
        refuse_options(*NOT_WATCHED, because="--watch extracts one folder, without it")
        watch_folder(videos or [], table, out, config, cast("IdFrom", id_from))
        return
    catalogue = catalogue_of(videos or [], list_file, table, cast("IdFrom", id_from))
    for note in catalogue.notes:
        print_message(f"note: {note}")
    check_images(config, videos or [])

    from extract.download import reporting_downloads
    from extract.pipeline import extract_features

    with _clean_interrupt(), reporting_downloads(print_message), progress_bar() as show:
        report = extract_features(
            catalogue.items[part[0] - 1 :: part[1]][:limit],
            out,
            config,
            root=catalogue.root,
            shard=None if part[1] == 1 else f"{part[0]}-of-{part[1]}",
            dry_run=dry_run,
            estimate=dry_run,
            progress=show,
        )
    for note in report.notes:
        print_message(f"note: {note}")
    print_report(report, out, json=json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.failures and not dry_run:
        raise typer.Exit(SOME_FAILED)


def watch_folder(
    videos: list[str], captions: Path | None, out: Path, config: ExtractConfig, id_from: IdFrom
) -> None:
    """Extract what arrives in a folder, until Ctrl-C."""
    if len(videos) != 1 or not Path(videos[0]).is_dir():
        raise typer.BadParameter("--watch needs one folder, which exists", param_hint="VIDEOS")
    check_images(config, videos)
    from extract.catalogue import Catalogue, Item
    from extract.commands.watch import watch
    from extract.pipeline import Report, extract_features

    def extract_some(catalogue: Catalogue, items: Sequence[Item]) -> Report:
        with progress_bar() as show:
            report = extract_features(items, out, config, root=catalogue.root, progress=show)
        for note in report.notes:
            print_message(f"note: {note}")
        return report

    with _clean_interrupt():
        counts = watch(
            Path(videos[0]), lambda: catalogue_of(videos, None, captions, id_from), extract_some
        )
    typer.echo(f"stopped; {counts['done']:,} items extracted, {counts['failed']:,} failed")
    if counts["interrupted"]:
        raise typer.Exit(INTERRUPTED)
    if counts["failed"]:
        raise typer.Exit(SOME_FAILED)


@contextmanager
def _clean_interrupt() -> Iterator[None]:
    """End a second Ctrl-C with one line and its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        print_message("stopped; the same command resumes here")
        raise typer.Exit(INTERRUPTED) from None
