"""Item and read_catalog: which videos there are, and what is written about them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

VIDEO = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".ts", ".mts", ".3gp"),
        *(".mpg", ".mpeg", ".wmv", ".ogv"),
    )
)
PICTURE = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
SOUND = frozenset(
    (".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".ac3")
)
MEDIA = VIDEO | PICTURE | SOUND
CAPTION_FILES = ("captions.csv", "captions.tsv", "captions.jsonl", "captions.parquet")
ID_COLUMNS = ("item_id", "id", "video_id")
TEXT_COLUMNS = ("caption", "title", "text")
SIDE_FILES = (".txt", ".json", ".srt", ".vtt")

IdFrom = Literal["stem", "relative-path"]


class CatalogError(ValueError):
    """The videos or their captions cannot be listed; the message says what to do."""


@dataclass(frozen=True)
class Item:
    """One video (or picture, or sound file), and what is written about it."""

    id: str
    path: Path | None
    caption: str | None = None


@dataclass(frozen=True)
class Catalog:
    """The items, in the order of their ids.

    Args:
        root: the folder that holds them; their sources are told relative to it.
        notes: what a person should know, such as captions that belong to no video.
    """

    items: tuple[Item, ...]
    root: Path
    notes: tuple[str, ...] = ()


def read_catalog(
    videos: Path | Sequence[Path],
    captions: Path | None = None,
    *,
    id_from: IdFrom = "stem",
) -> Catalog:
    """List the media files of a folder, or the given files, with their captions.

    A caption is taken from the captions file, else from a file beside the video that has its name
    and ends in .txt, .json, .srt or .vtt. (A title inside the video is read when it is decoded.)

    Args:
        videos: a folder, searched with its subfolders, or files.
        captions: a table with a column item_id (or id, video_id) and a column caption (or title,
            text). None looks for captions.csv, .tsv, .jsonl or .parquet in and beside the folder.
        id_from: what names an item, its file's name or its path from the folder, without suffix.

    Raises:
        CatalogError: there is no such folder or no media in it, two files have one id, or the
            captions file cannot be read.
    """
    root, paths = _media(videos)
    items = _named(paths, root, id_from)
    table, notes = _captions(captions, root)
    unmatched = sorted(set(table) - set(items))
    if unmatched:
        notes.append(
            f"{len(unmatched)} of {len(table)} captions belong to no video: "
            f"{', '.join(unmatched[:3])}{', ...' if len(unmatched) > 3 else ''}"
        )
    listed = tuple(
        Item(item_id, path, table.get(item_id) or _side_caption(path))
        for item_id, path in sorted(items.items())
    )
    return Catalog(listed, root, tuple(notes))


def _media(videos: Path | Sequence[Path]) -> tuple[Path, list[Path]]:
    if not isinstance(videos, Path):
        paths = [Path(path) for path in videos]
        for path in paths:
            if not path.exists():
                raise CatalogError(f"no such file: {path}")
        folders = {path.parent for path in paths}
        root = folders.pop() if len(folders) == 1 else Path()
        if not paths:
            raise CatalogError("no files were named")
        return root, paths
    if not videos.exists():
        raise CatalogError(f"no such folder: {videos}")
    if videos.is_file():
        return videos.parent, [videos]
    inside = videos.resolve()
    found = []
    for path in sorted(videos.rglob("*")):
        if path.suffix.lower() not in MEDIA or path.name.startswith(".") or path.is_dir():
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise CatalogError(
                f"{path} is a link that leads out of {videos}, to {path.resolve()}; "
                "copy the file there or remove the link"
            )
        found.append(path)
    if not found:
        raise CatalogError(
            f"no videos in {videos}; known suffixes: {' '.join(sorted(VIDEO))}, "
            "and those of pictures and sound files"
        )
    return videos, found


def _named(paths: Iterable[Path], root: Path, id_from: IdFrom) -> dict[str, Path]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        inside = path.relative_to(root) if path.is_relative_to(root) else path
        name = inside.with_suffix("").as_posix() if id_from == "relative-path" else path.stem
        groups[name].append(path)
    clashes = {name: found for name, found in groups.items() if len(found) > 1}
    if clashes:
        name, found = next(iter(clashes.items()))
        way_out = (
            "rename one of them"
            if id_from == "relative-path"
            else "pass --id relative-path, or rename one of them"
        )
        raise CatalogError(
            f"{len(clashes)} ids belong to several files: '{name}' is "
            f"{' and '.join(str(path) for path in found)}; {way_out}"
        )
    return {name: found[0] for name, found in groups.items()}


def _captions(given: Path | None, root: Path) -> tuple[dict[str, str], list[str]]:
    if given is None:
        beside = [folder / name for folder in (root, root.parent) for name in CAPTION_FILES]
        found = [path for path in beside if path.is_file()]
        if not found:
            return {}, []
        given = found[0]
    elif not given.is_file():
        raise CatalogError(f"no caption file at {given}")
    return _caption_table(given)


def _caption_table(path: Path) -> tuple[dict[str, str], list[str]]:
    import polars as pl

    # All columns as text, so that the id 007 stays 007.
    readers = {
        ".csv": lambda: pl.read_csv(path, infer_schema=False),
        ".tsv": lambda: pl.read_csv(path, infer_schema=False, separator="\t"),
        ".jsonl": lambda: pl.read_ndjson(path),
        ".parquet": lambda: pl.read_parquet(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CatalogError(f"{path} ends in none of {', '.join(readers)}")
    try:
        table = reader()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CatalogError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error
    ids = next((name for name in ID_COLUMNS if name in table.columns), None)
    texts = next((name for name in TEXT_COLUMNS if name in table.columns), None)
    if ids is None or texts is None:
        raise CatalogError(
            f"{path} needs a column {' or '.join(ID_COLUMNS if ids is None else TEXT_COLUMNS)}; "
            f"it has: {', '.join(table.columns)}"
        )
    table = table.select(
        pl.col(ids).cast(pl.String).alias("id"),
        pl.col(texts).cast(pl.String).str.strip_chars().alias("text"),
    ).filter(pl.col("id").is_not_null() & (pl.col("text").str.len_chars() > 0))
    notes = []
    num_repeated = table.height - table["id"].n_unique()
    if num_repeated:
        notes.append(f"{num_repeated} ids stand twice in {path}; the last caption is taken")
    return dict(table.iter_rows()), notes


def _side_caption(path: Path) -> str | None:
    for suffix in SIDE_FILES:
        side = path.with_name(path.stem + suffix)
        if side.is_file() and side != path:
            text = _read_side(side)
            if text:
                return text
    return None


def _read_side(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".json":
        try:
            held = json.loads(text)
        except ValueError as error:
            raise CatalogError(f"{path} is not JSON: {error}") from error
        fields = held if isinstance(held, dict) else {}
        text = next((str(fields[name]) for name in TEXT_COLUMNS if fields.get(name)), "")
    elif path.suffix in (".srt", ".vtt"):
        text = subtitle_text(text)
    return " ".join(text.split()) or None


def subtitle_text(text: str) -> str:
    """Return what is spoken in SubRip or WebVTT subtitles, without numbers, times and tags.

    >>> subtitle_text("1\\n00:00:01,000 --> 00:00:02,000\\n<i>Good</i> morning")
    'Good morning'
    """
    spoken: list[str] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.strip().split("\n")
        times = next((i for i, line in enumerate(lines) if "-->" in line), None)
        if times is not None:  # a cue; headers, notes and styles have no times
            spoken += lines[times + 1 :]
    return re.sub(r"<[^>]*>|\{\\[^}]*\}", "", " ".join(spoken)).strip()
