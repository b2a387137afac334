"""The commands of this half: extract, modalities, weights."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from extract.catalog import Catalog, IdFrom
    from extract.media import Sampling
    from extract.report import Progress, Report
    from extract.weights import Weights

SOME_FAILED, INTERRUPTED = 3, 130
NUM_FAILURES_SHOWN = 10

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON alone.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(extract)
    app.command()(modalities)
    weights = typer.Typer(help="See, fetch and check the weights of the encoders.")
    weights.command("list")(list_weights)
    weights.command("fetch")(fetch_weights)
    weights.command("verify")(verify_weights)
    app.add_typer(weights, name="weights")


def extract(
    videos: Annotated[
        list[str],
        typer.Argument(
            help="A folder of videos (searched with its subfolders), or files, or patterns such as "
            "'clips/*.mp4', or - to read paths from standard input."
        ),
    ],
    modality: Annotated[
        str, typer.Option("--modality", "-m", help="Names or letters, with commas: v,a,t.")
    ] = "v,a,t",
    captions: Annotated[
        Path | None,
        typer.Option(
            help="A table with item_id and caption (.csv .tsv .jsonl .parquet). Without it, "
            "captions.csv in or beside the folder, then a .txt .json .srt or .vtt beside each "
            "video, then the title inside it."
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
            help="MODALITY=NAME or MODALITY=NAME:WEIGHTS, where WEIGHTS is a name or a path. "
            "Repeatable; several of one modality share one pass over the file.",
            metavar="MODALITY=NAME",
        ),
    ] = None,
    num_frames: Annotated[
        int | None,
        typer.Option(help="Frames a clip, spread over its duration.", show_default="16"),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Or: this many frames a second.")] = None,
    every_nth: Annotated[int | None, typer.Option(help="Or: every n-th frame.")] = None,
    keyframes: Annotated[bool, typer.Option("--keyframes", help="Or: key frames alone.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    engine: Annotated[
        str, typer.Option(help="What runs the encoders of pictures: torch or onnx.")
    ] = "torch",
    workers: Annotated[
        int | None, typer.Option(help="Processes.", show_default="one a core", min=1)
    ] = None,
    dtype: Annotated[str, typer.Option(help="Stored as float16 or float32.")] = "float16",
    id_from: Annotated[
        str,
        typer.Option("--id", help="What names an item: stem (of its file) or relative-path."),
    ] = "stem",
    limit: Annotated[int | None, typer.Option(help="Only the first N items.", min=1)] = None,
    list_file: Annotated[
        Path | None, typer.Option("--list", help="A file with one path a line, instead of VIDEOS.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="Part i of n, written i/n, with i from 1 to n.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first failure.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Extract nothing; check every file of the store.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    posters: Annotated[
        Path | None, typer.Option(help="Also write one JPEG per decoded clip into this folder.")
    ] = None,
    clip_timeout: Annotated[
        float, typer.Option(help="Seconds that one clip may be decoded.")
    ] = 300.0,
    json: Json = False,
) -> None:
    """Turn videos into features: what they look (v), sound (a) and read (t) like.

    One .npy of (rows, width) per video and modality. Run it again at any time: what is there
    already is kept, what changed is redone. Exit code 3 says that some items failed.
    """
    if verify:
        _verify_store(out, json)
        return
    pairs = [_pair(words) for words in encoder or ()]
    sampling = _sampling(num_frames, fps, every_nth, keyframes)
    _one_of("engine", engine, ("torch", "onnx"))
    _one_of("dtype", dtype, ("float16", "float32"))
    _one_of("id", id_from, ("stem", "relative-path"))
    part = _shard(shard)
    catalog = _catalog(videos, list_file, captions, id_from)
    for note in catalog.notes:
        _tell(f"note: {note}")
    items = catalog.items[part[0] - 1 :: part[1]][:limit]

    from extract.pipeline import extract_features

    with _progress_bar() as show:
        report = extract_features(
            items,
            out,
            root=catalog.root,
            modalities=[name.strip() for name in modality.split(",") if name.strip()],
            preset=preset,
            encoders=pairs,
            sampling=sampling,
            device=device,
            engine=engine,  # type: ignore[arg-type]  # checked above
            dtype=dtype,
            workers=workers,
            retry_failed=retry_failed,
            strict=strict,
            dry_run=dry_run,
            posters=posters,
            clip_timeout_seconds=clip_timeout,
            progress=show,
        )
    _print_report(report, json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.failures:
        raise typer.Exit(SOME_FAILED)


def modalities(json: Json = False) -> None:
    """List the modalities: their letters, packages, encoders and presets."""
    from extract.encoder import ENCODERS
    from extract.modality import MODALITIES
    from extract.registry import PluginError

    sources = {entry.name: entry.source for entry in ENCODERS.entries()}
    rows: list[dict[str, Any]] = []
    for entry in MODALITIES.entries():
        row: dict[str, Any] = {"name": entry.name, "source": entry.source}
        try:
            member = MODALITIES.get(entry.name)
        except PluginError as error:
            rows.append(row | {"error": str(error)})
            continue
        rows.append(
            row
            | {
                "letter": member.letter,
                "description": member.description,
                "encoders": {name: sources.get(name, "not found") for name in member.encoders},
                "presets": dict(member.presets),
                "pooling": member.pooling,
            }
        )
    if json:
        _print_json(rows)
        return
    table = _table("modality", "", "what it is", "encoders", "paper", "offline", "from")
    for row in rows:
        if "error" in row:
            table.add_row(row["name"], "", row["error"], "", "", "", row["source"])
            continue
        table.add_row(
            row["name"],
            row["letter"],
            row["description"],
            ", ".join(row["encoders"]),
            row["presets"].get("paper", ""),
            row["presets"].get("offline", ""),
            row["source"],
        )
    _print(table)


def list_weights(json: Json = False) -> None:
    """List the weights that encoders use, and where they lie."""
    rows = [
        {
            "name": weights.name,
            "encoder": encoder,
            "path": str(path) if (path := weights.locate()) else None,
            "from": weights.where,
            "licence": weights.licence,
        }
        for encoder, weights in _known_weights()
    ]
    if json:
        _print_json(rows)
        return
    table = _table("weights", "encoder", "licence", "here", "from")
    for row in rows:
        here = "yes" if row["path"] else "no"
        table.add_row(row["name"], row["encoder"], row["licence"], here, row["from"])
    _print(table)


def fetch_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names from `weights list`.", show_default="those of --preset paper"),
    ] = None,
) -> None:
    """Download weights into this machine's cache, and say where they lie."""
    known = {weights.name: weights for _, weights in _known_weights()}
    for name in names or ["IMAGENET1K_V2", "vggish", "all-MiniLM-L6-v2"]:
        path = _weights_named(name, known).resolve()
        typer.echo(f"{name}: {path}")


def verify_weights() -> None:
    """Compare the weights that are here with their published hashes."""
    from extract.weights import WrongWeights

    wrong = 0
    for _, weights in _known_weights():
        path = weights.locate()
        if path is None:
            continue
        try:
            weights.verify(path)
        except WrongWeights as error:
            wrong += 1
            typer.echo(f"{weights.name}: {error}")
        else:
            checked = "as published" if weights.sha256 else "no hash is published"
            typer.echo(f"{weights.name}: {checked}")
    if wrong:
        raise typer.Exit(1)


# --- reading options ---


def _catalog(
    videos: list[str], list_file: Path | None, captions: Path | None, id_from: Any
) -> Catalog:
    from glob import glob, has_magic

    from extract.catalog import read_catalog

    id_from_checked: IdFrom = id_from
    if list_file is not None:
        try:
            words = list_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise ValueError(f"no list file at {list_file}") from error
    elif videos == ["-"]:
        words = sys.stdin.read().splitlines()
    else:
        words = []
        for word in videos:
            found = sorted(glob(word, recursive=True)) if has_magic(word) else [word]  # noqa: PTH207
            if not found or (has_magic(word) and Path(word).exists()):
                found = [word]
            words += found
    paths = [Path(word) for word in words if word.strip()]
    if len(paths) == 1 and list_file is None:
        return read_catalog(paths[0], captions, id_from=id_from_checked)
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; name one folder, or files")
    return read_catalog(paths, captions, id_from=id_from_checked)


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

    try:
        return Sampling(num_frames=num_frames, fps=fps, every_nth=every_nth, keyframes=keyframes)
    except ValueError as error:
        raise typer.BadParameter(
            str(error), param_hint="--num-frames, --fps, --every-nth, --keyframes"
        ) from error


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise typer.BadParameter(
            f"'{value}' is none of {', '.join(known)}", param_hint=f"--{option}"
        )


def _shard(words: str | None) -> tuple[int, int]:
    if words is None:
        return 1, 1
    first, _, second = words.partition("/")
    if not (first.isdigit() and second.isdigit() and 1 <= int(first) <= int(second)):
        raise typer.BadParameter(
            f"'{words}' is not i/n with i from 1 to n, for example 1/4", param_hint="--shard"
        )
    return int(first), int(second)


def _known_weights() -> Iterator[tuple[str, Weights]]:
    """Every Weights that a module of an encoder holds, with the encoder's name."""
    from importlib import import_module

    from extract.encoder import ENCODERS
    from extract.weights import Weights

    for entry in ENCODERS.entries():
        for value in vars(import_module(entry.module)).values():
            if isinstance(value, Weights):
                yield entry.name, value


def _weights_named(name: str, known: dict[str, Weights]) -> Weights:
    from extract.registry import UnknownName

    if name not in known:
        raise UnknownName("weights", name, tuple(known))
    return known[name]


# --- showing ---


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("extracting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, told="starting")

        def show(now: Progress) -> None:
            rate = now.num_encoder_rows / max(now.seconds, 1e-9)
            told = f"{rate:.0f} rows/s, mostly {now.bottleneck}"
            if now.num_failed:
                told += f", {now.num_failed} failed"
            bar.update(task, completed=now.num_done, total=now.num_total, told=told)

        yield show


def _print_report(report: Report, json: bool) -> None:
    if json:
        _print_json(
            {
                "counts": {name: dict(counts) for name, counts in report.counts.items()},
                "failures": [vars(failure) for failure in report.failures],
                "partial": [vars(failure) for failure in report.partial],
                "sets": {name: str(path) for name, path in report.sets.items()},
                "seconds": round(report.seconds, 3),
                "interrupted": report.interrupted,
                **({} if report.planned is None else {"planned": report.planned}),
            }
        )
        return
    if report.planned is not None:
        typer.echo(f"{report.planned} items would be extracted; nothing was written")
    statuses = ("done", "partial", "missing", "failed", "not done")
    shown = [s for s in statuses if s == "done" or any(c[s] for c in report.counts.values())]
    table = _table("modality", *shown, "were there before", "in")
    for name, counts in report.counts.items():
        numbers = [str(counts[status]) for status in (*shown, "skipped")]
        table.add_row(name, *numbers, str(report.sets[name]))
    _print(table)
    for title, failures in (("failed", report.failures), ("partial", report.partial)):
        for failure in failures[:NUM_FAILURES_SHOWN]:
            typer.echo(f"{title}: {failure.modality} of {failure.path}: {failure.reason}")
        if len(failures) > NUM_FAILURES_SHOWN:
            left = len(failures) - NUM_FAILURES_SHOWN
            typer.echo(f"... and {left} more; records.jsonl in each folder has them all")
    if report.interrupted:
        typer.echo("interrupted; the same command goes on from here")
    typer.echo(f"{report.seconds:.1f} s")


def _verify_store(out: Path, json: bool) -> None:
    from extract.store import FeatureStore

    store = FeatureStore(out)
    found: list[dict[str, str]] = []
    num_checked = 0
    for modality in store.modalities():
        features = store.feature_set(modality)
        num_checked += len(features.records)
        found += [
            {"modality": modality, "id": problem.id, "problem": problem.what}
            for problem in features.verify()
        ]
    if json:
        _print_json({"checked": num_checked, "problems": found})
    else:
        for row in found:
            typer.echo(f"{row['modality']} of {row['id']}: {row['problem']}")
        typer.echo(f"{num_checked} records checked, {len(found)} problems")
    if found:
        raise typer.Exit(1)


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)


def _print_json(value: Any) -> None:
    from json import dumps

    typer.echo(dumps(value, indent=2, ensure_ascii=False))


def _tell(text: str) -> None:
    typer.echo(text, err=True)
