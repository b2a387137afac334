"""Videos: the files of a catalogue by item id; only these are ever served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from extract.catalogue import read_catalogue
from mmgcn.serving.table_file import READ_SUFFIXES, TableError, read_columns

# A fixed table, since the system's own differs between machines; other files are plain bytes.
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
    """The files of a catalogue by item id.

    Args:
        captions: by item id, from files beside the videos or a table in their folder.
        root: folder of the catalogue.
        notes: lines for the user.
    """

    paths: Mapping[str, Path] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, source: Path) -> Self:
        """Return the media files of a folder, with the ids of extraction, or those of a table.

        Args:
            source: a folder, or a table (.csv .tsv .parquet .jsonl) with the columns item_id and
                path; paths are relative to the table's folder.

        Raises:
            CatalogueError: the folder does not exist, or contains no media.
            TableError: the table cannot be read, or none of its files exists.
        """
        if source.suffix.lower() in READ_SUFFIXES:
            return cls._from_table(source)
        catalogue = read_catalogue(source)
        return cls(
            {item.id: item.path for item in catalogue.items if isinstance(item.path, Path)},
            {item.id: item.caption for item in catalogue.items if item.caption},
            catalogue.root,
            catalogue.notes,
        )

    @classmethod
    def _from_table(cls, source: Path) -> Self:
        rows = read_columns(source, ["item_id", "path"]).drop_nulls()
        folder = source.resolve().parent
        paths = {item_id: folder / path for item_id, path in rows.iter_rows()}
        absent = [item_id for item_id, path in paths.items() if not path.is_file()]
        if len(absent) == len(paths):
            raise TableError(f"none of the {len(paths):,} files in {source} exists")
        for item_id in absent:
            del paths[item_id]
        notes = (
            [f"{len(absent):,} files in {source} do not exist, such as that of '{absent[0]}'"]
            if absent
            else []
        )
        return cls(paths, {}, folder, tuple(notes))


def media_type(path: Path) -> str:
    """Return the media type of a file by its suffix.

    >>> media_type(Path("a.MP4")), media_type(Path("a.html"))
    ('video/mp4', 'application/octet-stream')
    """
    return MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
