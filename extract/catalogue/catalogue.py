"""Item, Catalogue and read_catalogue: the videos to extract, with their ids and captions."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extract.catalogue.captions import (
    SIDECAR_SUFFIXES,
    TABLES,
    CaptionError,
    read_captions,
    read_sidecar,
)
from extract.catalogue.discovery import (
    AnyPath,
    CatalogueError,
    Discovery,
    discover_media,
)
from extract.catalogue.examples import NUM_EXAMPLES, examples
from extract.catalogue.file_list import FileList, read_file_list
from extract.catalogue.remote import AnyFile, RemoteFile

IdFrom = Literal["stem", "relative-path"]


@dataclass(frozen=True)
class Item:
    """One video (or image, or audio file), local or remote, and its caption."""

    id: str
    path: AnyFile | None
    """Path of the file; None for an item of a table of captions, without a file."""
    caption: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """Items in the order of their ids.

    Args:
        items: the items.
        root: the folder that contains them; sources are recorded relative to it.
        notes: notes for the user, such as on captions without a video.
    """

    items: tuple[Item, ...]
    root: Path
    notes: tuple[str, ...] = ()


def read_catalogue(
    videos: AnyPath | Sequence[AnyPath],
    captions: Path | None = None,
    *,
    id_from: IdFrom = "stem",
) -> Catalogue:
    """Return the media files of a folder, or the given files, with their captions.

    A caption comes from the captions file, or else from a file beside the video with the same name
    and the suffix .txt, .json, .srt or .vtt. (A title inside the video is read when it is decoded.)
    Captions of remote videos come only from the captions file: a request per video would be slow.
    Files are not opened here: a broken video is an item, too.

    Args:
        videos: a folder, searched with its subfolders; or a file; or several files. Text may be a
            pattern, such as "clips/**/*.mp4", or a URL, such as "s3://bucket/clips".
        captions: a table with a column item_id (or id, video_id, item) and a column caption (or
            title, text). None searches for captions.csv, .tsv, .jsonl or .parquet in and beside
            the folder.
        id_from: source of an item's id: its file name, or its path in the folder, without suffix.

    Raises:
        CatalogueError: the folder does not exist or contains no media, it contains a link to a
            target outside, or two files have the same id.
        CaptionError: the captions file cannot be read.
        RemoteError: a URL cannot be listed.
    """
    return _catalogue(discover_media(videos), captions, id_from, FileList(()))


def read_catalogue_from_list(
    path: Path, captions: Path | None = None, *, id_from: IdFrom = "stem"
) -> Catalogue:
    """Return the videos that a text file or a table names, by path or URL (see `read_file_list`).

    Ids and captions of the table are used; those of a captions file take precedence.

    Raises:
        CatalogueError: the list cannot be read, a file does not exist, or two files have the same
            id.
        CaptionError: the list, or the captions file, cannot be read as a table.
    """
    file_list = read_file_list(path)
    return _catalogue(discover_media(file_list.files), captions, id_from, file_list)


def read_catalogue_from_captions(path: Path) -> Catalogue:
    """Return an item without a file for each id of a table of captions (see `read_captions`).

    Raises:
        CatalogueError: the table has no item.
        CaptionError: it cannot be read.
    """
    captions, notes = read_captions(path, keep_empty=True)
    if not captions:
        raise CatalogueError(f"{path} has no row with an item id")
    items = tuple(Item(item_id, None, text or None) for item_id, text in sorted(captions.items()))
    return Catalogue(items, path.parent, tuple(notes))


def _catalogue(
    discovery: Discovery, captions: Path | None, id_from: IdFrom, file_list: FileList
) -> Catalogue:
    items = _named(discovery.media, discovery.root, id_from, file_list.ids)
    has_local = any(isinstance(path, Path) for path in discovery.media)
    table, notes = _captions(captions, discovery.root if has_local else None)
    discovery.notes += notes
    named = _by_item(table, items)
    if discovery.inside is not None and len(named) < len(table):
        discovery.notes.append(_unmatched(table, named))
    sidecars = _Sidecars(discovery)
    found = tuple(
        Item(
            item_id,
            path,
            table[named[item_id]]
            if item_id in named
            else file_list.captions.get(path) or sidecars.caption(path),
        )
        for item_id, path in sorted(items.items())
    )
    return Catalogue(found, discovery.root, (*discovery.notes, *sidecars.notes()))


def _named(
    paths: Iterable[AnyFile], root: Path, id_from: IdFrom, given: Mapping[AnyFile, str]
) -> dict[str, AnyFile]:
    groups: dict[str, list[AnyFile]] = defaultdict(list)
    for path in paths:
        groups[given.get(path) or _id(path, root, id_from)].append(path)
    clashes = {name: found for name, found in groups.items() if len(found) > 1}
    if not clashes:
        return {name: found[0] for name, found in groups.items()}
    some = "; ".join(
        f"'{name}' is {examples(map(str, found))}"
        for name, found in list(clashes.items())[:NUM_EXAMPLES]
    )
    longer = [{_id(path, root, "relative-path") for path in found} for found in clashes.values()]
    helps = id_from == "stem" and all(
        len(names) == len(found) for names, found in zip(longer, clashes.values(), strict=True)
    )
    advice = "pass id_from='relative-path', or rename" if helps else "rename"
    raise CatalogueError(
        f"{len(clashes):,} ids belong to several files: {some}; {advice} one of them"
    )


def _id(path: AnyFile, root: Path, id_from: IdFrom) -> str:
    if isinstance(path, RemoteFile):
        return path.stem if id_from == "stem" else path.key
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    name = inside.with_suffix("").as_posix() if id_from == "relative-path" else path.stem
    # Ids are written to tables and terminals: an undecodable byte becomes \xe9, as in Python.
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
        notes.append(f"captions are read from {found[0]}, not from {others}")
    return table, notes


def _by_item(table: Mapping[str, str], items: Mapping[str, AnyFile]) -> dict[str, str]:
    """Return the table's id of each item that is in the table.

    The ids may differ in Unicode normalisation (é as one character, or as e and an accent), as some
    file systems rewrite file names.
    """
    normalised = {unicodedata.normalize("NFC", item_id): item_id for item_id in table}
    found = {}
    for item_id in items:
        written = (
            item_id if item_id in table else normalised.get(unicodedata.normalize("NFC", item_id))
        )
        if written is not None:
            found[item_id] = written
    return found


def _unmatched(table: Mapping[str, str], named: Mapping[str, str]) -> str:
    unmatched = sorted(set(table) - set(named.values()))
    return f"{len(unmatched):,} of {len(table):,} captions have no video: " + examples(unmatched)


class _Sidecars:
    """Captions in files beside the videos. Each folder is listed once."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._names: dict[Path, frozenset[str] | None] = {}
        self._broken: list[str] = []

    def caption(self, video: AnyFile) -> str | None:
        """Return the caption in the first file that contains one."""
        if isinstance(video, RemoteFile):
            return None
        for suffix in SIDECAR_SUFFIXES:
            side = video.with_name(video.stem + suffix)
            if not self._may_exist(side.parent, side.name) or not side.is_file():
                continue
            self._discovery.check_link(side)
            try:
                text = read_sidecar(side)
            except CaptionError as error:
                self._broken.append(str(error))
                continue
            if text:
                return text
        return None

    def notes(self) -> list[str]:
        """Return a note about files that could not be read and are ignored."""
        if not self._broken:
            return []
        return [
            f"{len(self._broken):,} captions beside videos cannot be read and are ignored: "
            f"{examples(self._broken)}"
        ]

    def _may_exist(self, folder: Path, name: str) -> bool:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(path.name for path in folder.iterdir())
            except OSError:  # a file may be readable in a folder that is not
                self._names[folder] = None
        names = self._names[folder]
        return names is None or name in names
