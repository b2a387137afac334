"""The catalogue: which videos there are, and what is written about them."""

from extract.catalog.captions import CaptionError, read_captions, subtitle_text
from extract.catalog.catalog import Catalog, IdFrom, Item, read_catalog
from extract.catalog.listing import MEDIA, CatalogError

__all__ = [
    "MEDIA",
    "CaptionError",
    "Catalog",
    "CatalogError",
    "IdFrom",
    "Item",
    "read_captions",
    "read_catalog",
    "subtitle_text",
]
