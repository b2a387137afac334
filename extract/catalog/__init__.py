"""The catalog: the videos to extract, with their ids and captions."""

from extract.catalog.captions import (
    ID_COLUMNS,
    TEXT_COLUMNS,
    CaptionError,
    caption_sources,
    read_captions,
    subtitle_text,
)
from extract.catalog.catalog import (
    Catalog,
    IdFrom,
    Item,
    read_catalog,
    read_catalog_from_captions,
    read_catalog_from_list,
)
from extract.catalog.discovery import MEDIA_SUFFIXES, VIDEO_SUFFIXES, CatalogError, EmptyFolder
from extract.catalog.file_list import parse_file_list
from extract.catalog.remote import AnyFile, RemoteError, RemoteFile, as_file, local_copy

__all__ = [
    "ID_COLUMNS",
    "MEDIA_SUFFIXES",
    "TEXT_COLUMNS",
    "VIDEO_SUFFIXES",
    "AnyFile",
    "CaptionError",
    "Catalog",
    "CatalogError",
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
    "read_catalog",
    "read_catalog_from_captions",
    "read_catalog_from_list",
    "subtitle_text",
]
