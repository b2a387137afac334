"""Videos: the files that may be served, by item id. What no catalogue lists is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from extract.catalog import read_captions, read_catalog

TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
# Fixed, where the system's own table differs from machine to machine; all else is plain bytes.
MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".ts": "video/mp2t",
    ".3gp": "video/3gpp",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".ogv": "video/ogg",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}


@dataclass(frozen=True)
class Videos:
    """The files of a catalogue by item id, and what it says of them.

    Args:
        root: the folder of the catalogue.
    """

    paths: Mapping[str, Path] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, source: Path | None, captions: Path | None = None) -> Self:
        """List the media files of a folder, as extraction does, or those of a table.

        Raises:
            CatalogError: there is no such folder, or no media in it.
            CaptionError: the captions cannot be read.
        """
        if source is None:
            known, notes = read_captions(captions) if captions is not None else ({}, [])
            return cls(captions=known, notes=tuple(notes))
        catalog = read_catalog(source, captions)
        return cls(
            {item.id: item.path for item in catalog.items if item.path is not None},
            {item.id: item.caption for item in catalog.items if item.caption},
            catalog.root,
            catalog.notes,
        )


def media_type(path: Path) -> str:
    """Return what a file is served as.

    >>> media_type(Path("a.MP4")), media_type(Path("a.html"))
    ('video/mp4', 'application/octet-stream')
    """
    return MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
