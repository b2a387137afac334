"""Item and read_catalog: which videos there are, and what is written about them."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extract.catalog.captions import (
    SIDE_SUFFIXES,
    TABLES,
    CaptionError,
    read_captions,
    read_side_file,
)
from extract.catalog.discovery import (
    NUM_EXAMPLES,
    AnyPath,
    CatalogError,
    Discovery,
    discover_media,
    examples,
)
from extract.catalog.file_list import FileList, read_file_list
from extract.catalog.remote import AnyFile, RemoteFile

IdFrom = Literal["stem", "relative-path"]


@dataclass(frozen=True)
class Item:
    """One video (or picture, or sound file), here or remote, and what is written about it."""

    id: str
    path: AnyFile | None
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
    videos: AnyPath | Sequence[AnyPath],
    captions: Path | None = None,
    *,
    id_from: IdFrom = "stem",
) -> Catalog:
    """List the media files of a folder, or the given files, with their captions.

    A caption is taken from the captions file, else from a file beside the video that has its name
    and ends in .txt, .json, .srt or .vtt. (A title inside the video is read when it is decoded.)
    Of remote videos, from the captions file alone: a look beside each would take longer than all
    the rest.
    Files are not opened here: a broken video is an item like others.

    Args:
        videos: a folder, searched with its subfolders; or a file; or several files. Text may be a
            pattern, such as "clips/**/*.mp4", or a URL, such as "s3://bucket/clips".
        captions: a table with a column item_id (or id, video_id) and a column caption (or title,
            text). None looks for captions.csv, .tsv, .jsonl or .parquet in and beside the folder.
        id_from: what names an item, its file's name or its path from the folder, without suffix.

    Raises:
        CatalogError: there is no such folder or no media in it, a link leads out of it, or two
            files have one id.
        CaptionError: the captions file cannot be read.
        RemoteError: what lies behind a URL cannot be listed.
    """
    return _catalog(discover_media(videos), captions, id_from, FileList(()))


def read_catalog_from_list(
    path: Path, captions: Path | None = None, *, id_from: IdFrom = "stem"
) -> Catalog:
    """List the videos that a text file or a table names, by path or URL (see `read_file_list`).

    Ids and captions that the table gives are taken; a captions file comes before the latter.

    Raises:
        CatalogError: the list cannot be read, a file is not there, or two files have one id.
        CaptionError: the list, or the captions file, is not such a table.
    """
    listed = read_file_list(path)
    return _catalog(discover_media(listed.files), captions, id_from, listed)


def _catalog(
    listing: Discovery, captions: Path | None, id_from: IdFrom, listed: FileList
) -> Catalog:
    items = _named(listing.media, listing.root, id_from, listed.ids)
    is_here = any(isinstance(path, Path) for path in listing.media)
    table, notes = _captions(captions, listing.root if is_here else None)
    listing.notes += notes
    named = _by_item(table, items)
    if listing.inside is not None and len(named) < len(table):
        listing.notes.append(_unmatched(table, named))
    beside = _Beside(listing)
    found = tuple(
        Item(
            item_id,
            path,
            table[named[item_id]]
            if item_id in named
            else listed.captions.get(path) or beside.caption(path),
        )
        for item_id, path in sorted(items.items())
    )
    return Catalog(found, listing.root, (*listing.notes, *beside.notes()))


def _named(
    paths: Iterable[AnyFile], root: Path, id_from: IdFrom, given: Mapping[AnyFile, str]
) -> dict[str, AnyFile]:
    groups: dict[str, list[AnyFile]] = defaultdict(list)
    for path in paths:
        groups[given.get(path) or _id(path, root, id_from)].append(path)
    clashes = {name: found for name, found in groups.items() if len(found) > 1}
    if not clashes:
        return {name: found[0] for name, found in groups.items()}
    told = "; ".join(
        f"'{name}' is {examples(map(str, found))}"
        for name, found in list(clashes.items())[:NUM_EXAMPLES]
    )
    longer = [{_id(path, root, "relative-path") for path in found} for found in clashes.values()]
    would_help = id_from == "stem" and all(
        len(names) == len(found) for names, found in zip(longer, clashes.values(), strict=True)
    )
    raise CatalogError(
        f"{len(clashes):,} ids belong to several files: {told}; "
        f"{'pass --id relative-path, or rename' if would_help else 'rename'} one of them"
    )


def _id(path: AnyFile, root: Path, id_from: IdFrom) -> str:
    if isinstance(path, RemoteFile):
        return path.stem if id_from == "stem" else path.place
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    name = inside.with_suffix("").as_posix() if id_from == "relative-path" else path.stem
    # An id goes into tables and on screens, where a byte that is no text has no place: it is
    # written as \xe9, as Python writes it.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _captions(given: Path | None, root: Path | None) -> tuple[dict[str, str], list[str]]:
    if given is not None:
        return read_captions(given)
    if root is None:
        return {}, []
    found = [
        path
        for folder in dict.fromkeys((root, root.parent))
        for path in (folder / name for name in TABLES)
        if path.is_file()
    ]
    if not found:
        return {}, []
    table, notes = read_captions(found[0])
    if len(found) > 1:
        others = examples(map(str, found[1:]))
        notes.append(f"captions are taken from {found[0]}, not from {others}")
    return table, notes


def _by_item(table: Mapping[str, str], items: Mapping[str, AnyFile]) -> dict[str, str]:
    """Return for each item the id that the table has for it.

    One letter may be written in two ways (é as one character, or as e and an accent), and some
    systems rewrite the names of files so.
    """
    alike = {unicodedata.normalize("NFC", item_id): item_id for item_id in table}
    found = {}
    for item_id in items:
        written = item_id if item_id in table else alike.get(unicodedata.normalize("NFC", item_id))
        if written is not None:
            found[item_id] = written
    return found


def _unmatched(table: Mapping[str, str], named: Mapping[str, str]) -> str:
    unmatched = sorted(set(table) - set(named.values()))
    return f"{len(unmatched):,} of {len(table):,} captions belong to no video: " + examples(
        unmatched
    )


class _Beside:
    """Captions in files beside the videos. Each folder is listed once."""

    def __init__(self, listing: Discovery) -> None:
        self._listing = listing
        self._names: dict[Path, frozenset[str] | None] = {}
        self._broken: list[str] = []

    def caption(self, video: AnyFile) -> str | None:
        """Return the caption in the first file that holds one."""
        if isinstance(video, RemoteFile):
            return None
        for suffix in SIDE_SUFFIXES:
            side = video.with_name(video.stem + suffix)
            if not self._may_hold(side.parent, side.name) or not side.is_file():
                continue
            self._listing.check_link(side)
            try:
                text = read_side_file(side)
            except CaptionError as error:
                self._broken.append(str(error))
                continue
            if text:
                return text
        return None

    def notes(self) -> list[str]:
        """What could not be read: one such file in ten thousand is no reason to stop."""
        if not self._broken:
            return []
        return [
            f"{len(self._broken):,} captions beside videos are left out: {examples(self._broken)}"
        ]

    def _may_hold(self, folder: Path, name: str) -> bool:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(path.name for path in folder.iterdir())
            except OSError:  # a file may be there in a folder that may not be listed
                self._names[folder] = None
        names = self._names[folder]
        return names is None or name in names
