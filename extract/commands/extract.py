"""mmgcn extract: videos to features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from extract.commands.output import Json, tell
from extract.commands.summary import print_report, progress_bar
from extract.commands.verify import verify_store
from extract.commands.words import (
    catalog_of,
    check_posters,
    encoder_of,
    engine_of,
    one_of,
    sampling_of,
    shard_of,
)

SOME_FAILED, INTERRUPTED = 3, 130


def extract(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            help="A folder of videos (searched with its subfolders), or files, or patterns such as "
            "'clips/*.mp4', or a URL of these, such as s3://bucket/clips, or - to read paths from "
            "standard input.",
            metavar="VIDEOS",
            show_default=False,
        ),
    ] = None,
    modality: Annotated[
        str, typer.Option("--modality", "-m", help="Names or letters, with commas.")
    ] = "v,a,t",
    captions: Annotated[
        Path | None,
        typer.Option(
            help="A table with item_id and caption (.csv .tsv .jsonl .parquet). Without it, "
            "captions.csv in or beside the folder, then a .txt .json .srt or .vtt beside each "
            "video, then the title inside it.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The feature store.")] = Path("features"),
    preset: Annotated[
        str,
        typer.Option(
            help="paper: ResNet50, VGGish, sentence embeddings; weights are downloaded once. "
            "offline: weights that come as packages, or none."
        ),
    ] = "paper",
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="MODALITY=NAME, or MODALITY=NAME:WEIGHTS where WEIGHTS is a name or a path. "
            "Repeatable; several of one modality share one pass over the file, and the last one "
            "is what `fit` takes.",
            metavar="MODALITY=NAME",
            show_default=False,
        ),
    ] = None,
    num_frames: Annotated[
        int | None,
        typer.Option(
            help="Frames a clip, spread evenly over its duration.", show_default="16", min=1
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Or: this many frames a second.", show_default=False),
    ] = None,
    every_nth: Annotated[
        int | None, typer.Option(help="Or: every n-th frame.", show_default=False, min=1)
    ] = None,
    keyframes: Annotated[bool, typer.Option("--keyframes", help="Or: key frames alone.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    engine: Annotated[
        str,
        typer.Option(
            help="What runs the encoders of pictures on a CPU: torch or onnx. And where all of it "
            "runs: local or ray, a cluster. One of each, with a comma: ray,onnx."
        ),
    ] = "torch",
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes; with --engine ray, actors for each encoder.",
            show_default="one a core",
            min=1,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT.",
            show_default="Ray is started here",
        ),
    ] = None,
    num_cpus_per_worker: Annotated[
        float | None,
        typer.Option(
            help="CPUs that Ray sets aside for each actor; a fraction is fine.",
            show_default="half of all is shared out",
            min=0,
        ),
    ] = None,
    num_gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            help="GPUs that Ray gives each actor; a fraction is fine.", show_default="0", min=0
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="In which numbers encoders of pictures compute: float32; bfloat16, several times "
            "faster on processors with AMX; or int8, faster with VNNI too. How near their rows are "
            "to those of float32 is told."
        ),
    ] = "float32",
    dtype: Annotated[str, typer.Option(help="Stored as float16 or float32.")] = "float16",
    id_from: Annotated[
        str,
        typer.Option("--id", help="What names an item: stem (of its file) or relative-path."),
    ] = "stem",
    limit: Annotated[
        int | None, typer.Option(help="Only the first N items.", show_default=False, min=1)
    ] = None,
    list_file: Annotated[
        Path | None,
        typer.Option(
            "--list",
            help="Instead of VIDEOS: a file with one path or URL a line, or a table (.csv .tsv "
            ".jsonl .parquet) with a column path and, if you like, item_id and caption.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Only part i of n, written i/n with i from 1 to n. All may fill one --out side by "
            "side; the same command without --shard then makes it the current one.",
            metavar="I/N",
            show_default=False,
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do again what failed before.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first failure, with exit code 1.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compare every file of the store with its hash. With VIDEOS, do again what is "
            "corrupt; without, only say so.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say what would be done, and about how long that takes."
        ),
    ] = False,
    posters: Annotated[
        Path | None,
        typer.Option(
            help="Also write one JPEG of each clip that is decoded into this folder.",
            show_default=False,
        ),
    ] = None,
    clip_timeout: Annotated[
        float,
        typer.Option(
            help="Seconds that decoding one clip may take, beside its own duration.", min=0.001
        ),
    ] = 120.0,
    clip_memory: Annotated[
        float, typer.Option(help="GiB of memory that one clip may take.", min=0.001, max=2.0**20)
    ] = 4.0,
    json: Json = False,
) -> None:
    """Turn videos into features: what they look (v), sound (a) and read (t) like.

    One .npy of (rows, width) per video and modality. Run it again at any time: what is there
    already is kept, what changed is done again. Exit code 3 says that some items failed.
    """
    if verify and not videos and list_file is None:
        verify_store(out, json=json)
        return
    pairs = [encoder_of(words) for words in encoder or ()]
    sampling = sampling_of(num_frames, fps, every_nth, keyframes)
    network, cluster = engine_of(engine, address, num_cpus_per_worker, num_gpus_per_worker)
    one_of("precision", precision, ("float32", "bfloat16", "int8"))
    one_of("dtype", dtype, ("float16", "float32"))
    one_of("id", id_from, ("stem", "relative-path"))
    part = shard_of(shard)
    catalog = catalog_of(videos or [], list_file, captions, id_from)
    for note in catalog.notes:
        tell(f"note: {note}")
    check_posters(posters, videos or [])

    items = catalog.items[part[0] - 1 :: part[1]][:limit]

    from extract.pipeline import extract_features

    with _stopping_in_order(), progress_bar() as show:
        report = extract_features(
            items,
            out,
            root=catalog.root,
            modalities=[name.strip() for name in modality.split(",") if name.strip()],
            preset=preset,
            encoders=pairs,
            sampling=sampling,
            device=device,
            engine=network,
            precision=precision,  # type: ignore[arg-type]  # checked above
            dtype=dtype,
            workers=workers,
            cluster=cluster,
            shard=None if part[1] == 1 else f"{part[0]}-of-{part[1]}",
            retry_failed=retry_failed,
            strict=strict,
            dry_run=dry_run,
            estimate=dry_run,
            verify=verify,
            posters=posters,
            clip_timeout_seconds=clip_timeout,
            clip_memory_bytes=int(clip_memory * 2**30),
            progress=show,
        )
    for note in report.notes:
        tell(f"note: {note}")
    print_report(report, out, json=json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.failures and not dry_run:
        raise typer.Exit(SOME_FAILED)


@contextmanager
def _stopping_in_order() -> Iterator[None]:
    """Turn a Ctrl-C that would not wait into one line."""
    try:
        yield
    except KeyboardInterrupt:
        tell("stopped; the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None
