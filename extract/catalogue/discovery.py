"""Discovery: the media files of a folder, or the named files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

from extract.catalogue.captions import SIDECAR_SUFFIXES, TABLES
from extract.catalogue.examples import examples
from extract.catalogue.remote import AnyFile, RemoteFile, as_file, is_url, list_remote

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".ts", ".mts", ".m2ts"),
        *(".3gp", ".3g2", ".mpg", ".mpeg", ".vob", ".wmv", ".asf", ".ogv", ".mxf"),
    )
)
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
AUDIO_SUFFIXES = frozenset(
    (".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".ac3")
)
MEDIA_SUFFIXES = VIDEO_SUFFIXES | IMAGE_SUFFIXES | AUDIO_SUFFIXES
CAPTION_SUFFIXES = frozenset((*SIDECAR_SUFFIXES, *(Path(name).suffix for name in TABLES)))

AnyPath = str | Path | RemoteFile


class CatalogueError(ValueError):
    """The videos cannot be found; the message says what to do."""


class EmptyFolder(CatalogueError):
    """The folder contains no media."""


@dataclass
class Discovery:
    """Media files that were found.

    Args:
        root: folder that contains them.
        media: paths of the files.
        inside: resolved folder that links must not leave; None if files were named.
        notes: notes for the user.
    """

    root: Path
    media: list[AnyFile]
    inside: Path | None = None
    notes: list[str] = field(default_factory=list)

    def check_link(self, path: Path) -> None:
        """Raise if a path is a link to a target outside the folder.

        Raises:
            CatalogueError: it leads outside.
        """
        if self.inside is None or not path.is_symlink():
            return
        target = Path(os.path.realpath(path))  # Path.resolve raises for circular links
        if not target.is_relative_to(self.inside):
            raise CatalogueError(
                f"{path} is a link to {target}, outside {self.root}; "
                "copy the file there or remove the link"
            )


def discover_media(videos: AnyPath | Sequence[AnyPath]) -> Discovery:
    """Return the media files of a folder and its subfolders, or the named files.

    Args:
        videos: a folder, a file, or several files. Text may be a pattern, or a URL of any of them.

    Raises:
        CatalogueError: the folder or file does not exist, contains no media, or contains a link to
            a target outside.
        RemoteError: a URL cannot be listed.
    """
    if not isinstance(videos, str | Path | RemoteFile):
        return _named_files(videos)
    if isinstance(videos, RemoteFile) or is_url(videos):
        named = as_file(videos)
        if isinstance(named, RemoteFile):
            return _remote_files(videos)
        videos = str(named)
    if not os.path.lexists(videos) and isinstance(videos, str) and has_magic(videos):
        return _named_files([videos])
    path = Path(videos)
    if path.is_dir():
        return _files_in_folder(path)
    if not path.exists():
        raise CatalogueError(f"there is no folder {path}")
    return Discovery(path.parent, [path])


def _remote_files(videos: AnyPath) -> Discovery:
    found = _matching(videos)
    media: list[AnyFile] = [file for file in found if file.suffix.lower() in MEDIA_SUFFIXES]
    if not media:
        raise CatalogueError(
            f"none of the {len(found):,} files at {videos} is a video, image or audio file"
        )
    return Discovery(Path(), media)


def _named_files(sources: Sequence[AnyPath]) -> Discovery:
    paths = list(dict.fromkeys(path for source in sources for path in _matching(source)))
    for path in paths:
        if isinstance(path, RemoteFile):
            continue  # a missing file fails when it is read
        if path.is_dir():
            raise CatalogueError(f"{path} is a folder; name one folder and nothing else, or files")
        if not os.path.lexists(path):
            raise CatalogueError(f"there is no file {path}")
    if not sources:
        raise CatalogueError("no files were named")
    media = [path for path in paths if path.suffix.lower() not in CAPTION_SUFFIXES]
    if not media:
        raise CatalogueError(
            f"none of the {len(paths):,} named files is a video, image or audio file"
        )
    folders = {Path() if isinstance(path, RemoteFile) else path.parent for path in media}
    return Discovery(folders.pop() if len(folders) == 1 else Path(), media)


def _matching(source: AnyPath) -> Sequence[AnyFile]:
    """Return the media files that match a pattern; a Path or an existing file matches itself."""
    if isinstance(source, RemoteFile):
        return [source]
    if isinstance(source, str) and isinstance(as_file(source), RemoteFile):
        return [file for file in list_remote(source) if file.suffix.lower() not in CAPTION_SUFFIXES]
    source = source if isinstance(source, Path) else str(as_file(source))
    if isinstance(source, Path) or not has_magic(source) or os.path.lexists(source):
        return [Path(source)]
    found = [Path(name) for name in sorted(glob(source, recursive=True))]  # noqa: PTH207
    media = [path for path in found if path.suffix.lower() in MEDIA_SUFFIXES and not path.is_dir()]
    if not media:
        raise CatalogueError(f"no video matches {source}")
    return media


def _files_in_folder(folder: Path) -> Discovery:
    discovery = Discovery(folder, [], folder.resolve())
    others: list[Path] = []
    for path in _walk(discovery):
        suffix = path.suffix.lower()
        if suffix in MEDIA_SUFFIXES:
            discovery.check_link(path)
            discovery.media.append(path)
        elif suffix not in CAPTION_SUFFIXES:
            others.append(path)
    if not discovery.media:
        raise EmptyFolder(
            f"no videos in {folder}; known suffixes: {' '.join(sorted(VIDEO_SUFFIXES))}, "
            "and those of image and audio files"
        )
    if others:
        discovery.notes.append(
            f"{len(others):,} files in {folder} are not media and are ignored: "
            f"{examples(path.name for path in others)}"
        )
    return discovery


def _walk(discovery: Discovery) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, except hidden ones, in a fixed order."""

    def refuse(error: OSError) -> None:
        raise CatalogueError(f"{error.filename} cannot be listed: {error.strerror}") from error

    for where, folders, names in os.walk(discovery.root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:  # links inside are not followed: their targets are found anyway
            discovery.check_link(Path(where, name))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(where, name)
