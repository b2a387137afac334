"""Sprites: eight frames of each clip in one JPEG, drawn by `mmgcn extract --sprites`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from extract.store import file_name


def find_sprites(folder: Path, item_ids: Iterable[str]) -> dict[str, Path]:
    """Return the path of each item's sprite, for items that have one in the folder.

    Raises:
        NotADirectoryError: the folder does not exist.
    """
    if not folder.is_dir():
        raise NotADirectoryError(
            f"no folder of sprites at {folder}; draw them with: mmgcn extract --sprites {folder}"
        )
    names = {path.name for path in folder.iterdir()}
    paths = {item_id: folder / f"{file_name(item_id)}.jpg" for item_id in item_ids}
    return {item_id: path for item_id, path in paths.items() if path.name in names}
