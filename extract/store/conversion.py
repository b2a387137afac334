"""Conversion of a feature set to another layout, and compaction of a packed set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from extract.config import Layout
from extract.store.feature_set import FeatureSet
from extract.store.files import StoreError, content_hash, explain_write_errors, write_atomically
from extract.store.item_files import RECORDS, ItemFiles
from extract.store.layout import LAYOUTS
from extract.store.npy import DamagedArray
from extract.store.packs import TABLE, Packs
from extract.store.record_table import write_table
from extract.store.records import Record, record_line


def convert(
    features: FeatureSet, layout: Layout, progress: Callable[[int], None] | None = None
) -> FeatureSet:
    """Return the set in a layout, with the same rows and digest; the old files are removed.

    A packed set is compacted: bytes that no record names are dropped. The store must be locked.
    After an interruption the set has its old layout or the new one, completely; files of the other
    one are removed by the next conversion or by `mmgcn store gc`.

    Args:
        features: the set.
        layout: layout of the result.
        progress: called with the number of records that were copied.

    Raises:
        StoreError: rows are damaged, or the folder cannot be written.
    """
    with explain_write_errors(features.path):
        features.finish()
        _remove("files" if features.layout == "packed" else "packed", features.path)
        if layout == "packed":
            _pack(features, progress)
        elif features.layout == "packed":
            _unpack(features, progress)
    return FeatureSet(features.path)


def other_layout_paths(features: FeatureSet) -> Iterator[Path]:
    """Yield the files that an interrupted conversion left of the other layout."""
    for path in _paths("files" if features.layout == "packed" else "packed", features.path):
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


def _pack(features: FeatureSet, progress: Callable[[int], None] | None) -> None:
    old = features.storage
    new = Packs(features.path)
    (features.path / Packs.folder).mkdir(exist_ok=True)
    new.start_pack()

    def records() -> Iterator[Record]:
        for record, data in checked_contents(features, progress):
            record = _without_position(record)
            yield record if data is None else new.write(record, data)
        new.sync()

    write_table(features.path / TABLE, records())  # from here on it has the new layout
    if old.layout == "files":
        _remove("files", features.path)
    for path in list(Packs(features.path).unrecorded()):
        path.unlink()


def _unpack(features: FeatureSet, progress: Callable[[int], None] | None) -> None:
    new = ItemFiles(features.path)
    new.create(features.path)

    def lines() -> Iterator[bytes]:
        for record, data in checked_contents(features, progress):
            if data is not None:
                write_atomically(new.rows_path(record.id), data, durable=False)
            yield record_line(_without_position(record))

    write_atomically(features.path / RECORDS, lines())
    if hasattr(os, "sync"):  # as many files as items: cheaper than one fsync each
        os.sync()
    (features.path / TABLE).unlink()  # from here on it has the new layout
    _remove("packed", features.path)


def checked_contents(
    features: FeatureSet, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[Record, bytes | None]]:
    """Yield each record, sorted, and the content of its .npy file, compared with its hash.

    Raises:
        StoreError: rows are damaged.
    """
    for num_copied, record in enumerate(features.records.sorted()):
        if progress is not None:
            progress(num_copied)
        if record.rows == 0:
            yield record, None
            continue
        try:
            data = features.storage.read_bytes(record)
        except (OSError, DamagedArray):
            data = b""
        if content_hash(data) != record.rows_hash:
            raise StoreError(
                f"the rows of '{record.id}' in {features.path} are damaged, so they cannot be "
                "copied; mmgcn extract --verify VIDEOS, with the same options, extracts them again"
            )
        yield record, data


def _without_position(record: Record) -> Record:
    return replace(record, pack=None, offset=None)


def _paths(layout: Layout, folder: Path) -> list[Path]:
    """Return the folder of rows and the files of records of a layout, except its table."""
    kind = LAYOUTS[layout]
    return [
        path for path in (folder / kind.folder, *folder.glob(f"{kind.log}*.jsonl")) if path.exists()
    ]


def _remove(layout: Layout, folder: Path) -> None:
    for path in _paths(layout, folder):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
