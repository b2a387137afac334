"""The catalogue: which videos there are, and what is written about them."""

from extract.catalog.captions import CaptionError, read_captions, subtitle_text
from extract.catalog.catalog import Catalog, IdFrom, Item, read_catalog, read_list
from extract.catalog.listed import files_in
from extract.catalog.listing import MEDIA, CatalogError
from extract.catalog.remote import AnyFile, RemoteError, RemoteFile, as_file, at_hand

__all__ = [
    "MEDIA",
    "AnyFile",
    "CaptionError",
    "Catalog",
    "CatalogError",
    "IdFrom",
    "Item",
    "RemoteError",
    "RemoteFile",
    "as_file",
    "at_hand",
    "files_in",
    "read_captions",
    "read_catalog",
    "read_list",
    "subtitle_text",
]
