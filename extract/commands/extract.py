"""mmgcn extract: videos to features."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extract.commands.output import Json, counting, print_json, printable, tell
from extract.commands.summary import print_report, progress_bar

if TYPE_CHECKING:
    from extract.catalog import Catalog
    from extract.cluster import Cluster
    from extract.encoder import Engine
    from extract.media import Sampling

FAILED, SOME_FAILED, INTERRUPTED = 1, 3, 130


def extract(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            help="A folder of videos (searched with its subfolders), or files, or patterns such as "
            "'clips/*.mp4', or a URL of these, such as s3://bucket/clips, or - to read paths from "
            "standard input.",
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
        _verify_store(out, json)
        return
    pairs = [_pair(words) for words in encoder or ()]
    sampling = _sampling(num_frames, fps, every_nth, keyframes)
    network, cluster = _engine(engine, address, num_cpus_per_worker, num_gpus_per_worker)
    _one_of("precision", precision, ("float32", "bfloat16", "int8"))
    _one_of("dtype", dtype, ("float16", "float32"))
    _one_of("id", id_from, ("stem", "relative-path"))
    part = _shard(shard)
    catalog = _catalog(videos or [], list_file, captions, id_from)
    for note in catalog.notes:
        tell(f"note: {note}")
    _check_posters(posters, videos or [])

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


def _catalog(
    videos: list[str], list_file: Path | None, captions: Path | None, id_from: Any
) -> Catalog:
    from extract.catalog import files_in, read_catalog, read_list

    if bool(videos) == (list_file is not None):
        raise typer.BadParameter(
            "name a folder or files, or a --list, and not both", param_hint="VIDEOS"
        )
    if list_file is None and videos != ["-"]:
        return read_catalog(videos if len(videos) > 1 else videos[0], captions, id_from=id_from)
    if list_file is not None:
        return read_list(list_file, captions, id_from=id_from)
    if sys.stdin is None:
        raise ValueError("standard input is closed; name videos, or --list FILE")
    # Files, not text: what comes so holds no patterns.
    return read_catalog(files_in(sys.stdin.buffer.read()), captions, id_from=id_from)


def _check_posters(posters: Path | None, videos: list[str]) -> None:
    """Refuse posters among the videos: the next run would take them for items."""
    if posters is None or len(videos) != 1 or not Path(videos[0]).is_dir():
        return
    if posters.resolve().is_relative_to(Path(videos[0]).resolve()):
        raise typer.BadParameter(
            f"{posters} lies in {videos[0]}, where the next run would take posters for items; "
            "name a folder elsewhere",
            param_hint="--posters",
        )


def _pair(words: str) -> tuple[str, str]:
    modality, equals, name = words.partition("=")
    if not (modality and equals and name):
        raise typer.BadParameter(
            f"'{words}' is not MODALITY=NAME[:WEIGHTS], for example visual=resnet50:weights.pth",
            param_hint="--encoder",
        )
    return modality, name


def _sampling(
    num_frames: int | None, fps: float | None, every_nth: int | None, keyframes: bool
) -> Sampling:
    from extract.media import Sampling

    rules = {
        "--num-frames": num_frames,
        "--fps": fps,
        "--every-nth": every_nth,
        "--keyframes": keyframes or None,
    }
    given = [name for name, value in rules.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(f"one of {', '.join(rules)}", param_hint=" and ".join(given))
    try:
        return Sampling(num_frames=num_frames, fps=fps, every_nth=every_nth, keyframes=keyframes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=given[0]) from error


def _engine(
    words: str, address: str | None, num_cpus: float | None, num_gpus: float | None
) -> tuple[Engine, Cluster | None]:
    """Return what runs the networks, and the cluster that runs all of it, if one does.

    One option for both, since a person asks one question, what does the work, and no word of one
    answer is one of the other: `--engine ray` and `--engine onnx` both say all there is to say.
    """
    known: dict[str, tuple[str, ...]] = {"where": ("local", "ray"), "network": ("torch", "onnx")}
    given: dict[str, list[str]] = {kind: [] for kind in known}
    for word in (word.strip() for word in words.split(",")):
        kind = next((kind for kind, names in known.items() if word in names), None)
        if kind is None:
            raise typer.BadParameter(
                f"'{word}' is none of torch, onnx, local, ray", param_hint="--engine"
            )
        given[kind].append(word)
        if len(given[kind]) > 1:
            raise typer.BadParameter(
                f"{' and '.join(given[kind])} exclude each other", param_hint="--engine"
            )
    options = {
        "--address": address,
        "--num-cpus-per-worker": num_cpus,
        "--num-gpus-per-worker": num_gpus,
    }
    network: Any = (given["network"] or ["torch"])[0]
    if given["where"] != ["ray"]:
        for option, value in options.items():
            if value is not None:
                raise typer.BadParameter("needs --engine ray", param_hint=option)
        return network, None

    from extract.cluster import Cluster

    return network, Cluster(address, num_cpus, num_gpus or 0.0)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise typer.BadParameter(
            f"'{value}' is none of {', '.join(known)}", param_hint=f"--{option}"
        )


def _shard(words: str | None) -> tuple[int, int]:
    if words is None:
        return 1, 1
    first, _, second = words.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise typer.BadParameter(
            f"'{words}' is not i/n with i from 1 to n, for example 1/4", param_hint="--shard"
        )
    return int(first), int(second)


def _verify_store(out: Path, json: bool) -> None:
    from extract.store import FeatureStore

    store = FeatureStore(out)
    found: list[dict[str, str]] = []
    num_checked = 0
    sets = list(store.all_sets())
    num_records = sum(len(features.records) for features in sets)
    with counting("verifying") as show:
        for features in sets:
            modality, before = features.manifest["modality"], num_checked
            problems = features.verify(
                show and (lambda done, before=before: show(before + done, num_records))
            )
            num_checked += len(features.records)
            found += [{"modality": modality, "id": p.id, "problem": p.what} for p in problems]
    if json:
        print_json({"checked": num_checked, "problems": found})
    else:
        for row in found:
            typer.echo(printable(f"{row['modality']} of {row['id']}: {row['problem']}"))
        typer.echo(f"{num_checked:,} records checked, {len(found):,} problems")
        if found:
            typer.echo("mmgcn extract --verify VIDEOS, with the options as before, does them again")
    if found:
        raise typer.Exit(FAILED)
