"""The catalogue: the videos to extract, with their ids and captions."""

from extract.catalogue.captions import (
    ID_COLUMNS,
    TEXT_COLUMNS,
    CaptionError,
    caption_sources,
    read_captions,
    subtitle_text,
)
from extract.catalogue.catalogue import (
    Catalogue,
    IdFrom,
    Item,
    read_catalogue,
    read_catalogue_from_captions,
    read_catalogue_from_list,
)
from extract.catalogue.discovery import MEDIA_SUFFIXES, VIDEO_SUFFIXES, CatalogueError, EmptyFolder
from extract.catalogue.file_list import parse_file_list
from extract.catalogue.remote import AnyFile, RemoteError, RemoteFile, as_file, local_copy

__all__ = [
    "ID_COLUMNS",
    "MEDIA_SUFFIXES",
    "TEXT_COLUMNS",
    "VIDEO_SUFFIXES",
    "AnyFile",
    "CaptionError",
    "Catalogue",
    "CatalogueError",
    "EmptyFolder",
    "IdFrom",
    "Item",
    "RemoteError",
    "RemoteFile",
    "as_file",
    "caption_sources",
    "local_copy",
    "parse_file_list",
    "read_captions",
    "read_catalogue",
    "read_catalogue_from_captions",
    "read_catalogue_from_list",
    "subtitle_text",
]
