"""Layouts: which storage a feature set has."""

from __future__ import annotations

from pathlib import Path

from extract.config import Layout
from extract.store.files import StoreError
from extract.store.item_files import ItemFiles
from extract.store.packs import TABLE, Packs
from extract.store.storage import Storage

LAYOUTS: dict[Layout, type[Storage]] = {"files": ItemFiles, "packed": Packs}


def layout_of(path: Path) -> Layout:
    """Return the layout of the feature set in a folder."""
    return "packed" if (path / TABLE).exists() else "files"


def open_storage(path: Path, *, shard: str | None = None) -> Storage:
    """Return the storage of the feature set in a folder."""
    return LAYOUTS[layout_of(path)](path, shard)


def create_storage(path: Path, layout: Layout | None, *, is_new: bool) -> None:
    """Create the storage of a feature set, or check that of an existing one.

    Args:
        path: the folder of the set.
        layout: None keeps that of an existing set, and is files for a new one.
        is_new: whether the set does not exist yet.

    Raises:
        StoreError: the set exists in another layout.
    """
    found = layout_of(path)
    if not is_new and layout not in (None, found):
        raise StoreError(
            f"{path} exists with layout '{found}', not '{layout}'; convert it with: "
            f"mmgcn store convert {path.name.rpartition('-')[2]} --layout {layout} "
            f"--store {path.parents[1]}"
        )
    LAYOUTS[layout or found].create(path)
