"""Discovery: the media files of a folder, or those that were named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

from extract.catalog.captions import SIDE_SUFFIXES, TABLES
from extract.catalog.remote import AnyFile, RemoteFile, as_file, is_url, matching

VIDEO = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".ts", ".mts", ".m2ts"),
        *(".3gp", ".3g2", ".mpg", ".mpeg", ".vob", ".wmv", ".asf", ".ogv", ".mxf"),
    )
)
PICTURE = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
SOUND = frozenset(
    (".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".ac3")
)
MEDIA = VIDEO | PICTURE | SOUND
COMPANIONS = frozenset((*SIDE_SUFFIXES, *(Path(name).suffix for name in TABLES)))
NUM_EXAMPLES = 3

AnyPath = str | Path | RemoteFile


class CatalogError(ValueError):
    """The videos cannot be listed; the message says what to do."""


@dataclass
class Discovery:
    """Media files.

    Args:
        root: the folder that holds them.
        inside: the real folder that links may not leave; None where files were named.
        notes: what a person should know.
    """

    root: Path
    media: list[AnyFile]
    inside: Path | None = None
    notes: list[str] = field(default_factory=list)

    def check_link(self, path: Path) -> None:
        """Raise if the path is a link that leads out of the folder."""
        if self.inside is None or not path.is_symlink():
            return
        leads_to = Path(os.path.realpath(path))  # resolve raises where links go round in circles
        if not leads_to.is_relative_to(self.inside):
            raise CatalogError(
                f"{path} is a link that leads out of {self.root}, to {leads_to}; "
                "copy the file there or remove the link"
            )


def discover_media(videos: AnyPath | Sequence[AnyPath]) -> Discovery:
    """List the media files of a folder and its subfolders, or the files that are named.

    Args:
        videos: a folder, a file, or several files. Text may be a pattern, or a URL of any of them.

    Raises:
        CatalogError: there is no such folder or file, no media in it, or a link leads out of it.
        RemoteError: what lies behind a URL cannot be listed.
    """
    if not isinstance(videos, str | Path | RemoteFile):
        return _list_files(videos)
    if isinstance(videos, RemoteFile) or is_url(videos):
        named = as_file(videos)
        if isinstance(named, RemoteFile):
            return _list_remote(videos)
        videos = str(named)
    if not os.path.lexists(videos) and isinstance(videos, str) and has_magic(videos):
        return _list_files([videos])
    path = Path(videos)
    if path.is_dir():
        return _list_folder(path)
    if not path.exists():
        raise CatalogError(f"no such folder: {path}")
    return Discovery(path.parent, [path])


def _list_remote(videos: AnyPath) -> Discovery:
    found = _matching(videos)
    media: list[AnyFile] = [file for file in found if file.suffix.lower() in MEDIA]
    if not media:
        raise CatalogError(f"none of the {len(found):,} files at {videos} is a video")
    return Discovery(Path(), media)


def _list_files(words: Sequence[AnyPath]) -> Discovery:
    paths = list(dict.fromkeys(path for word in words for path in _matching(word)))
    for path in paths:
        if isinstance(path, RemoteFile):
            continue  # whether it is there is seen when it is read
        if path.is_dir():
            raise CatalogError(f"{path} is a folder; name one folder and nothing else, or files")
        if not os.path.lexists(path):
            raise CatalogError(f"no such file: {path}")
    if not words:
        raise CatalogError("no files were named")
    media = [path for path in paths if path.suffix.lower() not in COMPANIONS]
    if not media:
        raise CatalogError(f"none of the {len(paths):,} named files is a video")
    folders = {Path() if isinstance(path, RemoteFile) else path.parent for path in media}
    return Discovery(folders.pop() if len(folders) == 1 else Path(), media)


def _matching(word: AnyPath) -> Sequence[AnyFile]:
    """The media files that a pattern matches; what exists or is a Path, itself."""
    if isinstance(word, RemoteFile):
        return [word]
    if isinstance(word, str) and isinstance(as_file(word), RemoteFile):
        return [file for file in matching(word) if file.suffix.lower() not in COMPANIONS]
    word = word if isinstance(word, Path) else str(as_file(word))
    if isinstance(word, Path) or not has_magic(word) or os.path.lexists(word):
        return [Path(word)]
    found = [Path(name) for name in sorted(glob(word, recursive=True))]  # noqa: PTH207
    media = [path for path in found if path.suffix.lower() in MEDIA and not path.is_dir()]
    if not media:
        raise CatalogError(f"no video matches {word}")
    return media


def _list_folder(folder: Path) -> Discovery:
    listing = Discovery(folder, [], folder.resolve())
    others: list[Path] = []
    for path in _walk(listing):
        suffix = path.suffix.lower()
        if suffix in MEDIA:
            listing.check_link(path)
            listing.media.append(path)
        elif suffix not in COMPANIONS:
            others.append(path)
    if not listing.media:
        raise CatalogError(
            f"no videos in {folder}; known suffixes: {' '.join(sorted(VIDEO))}, "
            "and those of pictures and sound files"
        )
    if others:
        listing.notes.append(
            f"{len(others):,} files in {folder} are no media and left out: "
            f"{examples(path.name for path in others)}"
        )
    return listing


def _walk(listing: Discovery) -> Iterator[Path]:
    """Yield the files of the folder and its subfolders, hidden ones left out, in a fixed order."""

    def refuse(error: OSError) -> None:
        raise CatalogError(f"{error.filename} cannot be listed: {error.strerror}") from error

    for where, folders, names in os.walk(listing.root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:  # a link that leads back inside is not followed: it holds nothing new
            listing.check_link(Path(where, name))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(where, name)


def examples(names: Iterable[str]) -> str:
    """Return the first few names, for a message.

    >>> examples(["a", "b"]), examples("abcd")
    ('a, b', 'a, b, c, ...')
    """
    listed = list(names)
    return ", ".join(listed[:NUM_EXAMPLES]) + (", ..." if len(listed) > NUM_EXAMPLES else "")
