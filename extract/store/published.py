"""Feature sets as the Hugging Face hub stores data sets: safetensors, records and a card.

    README.md                              the card
    manifest.json                          encoder, weights and settings, as in the store
    records.jsonl                          status of each item, without paths on this machine
    features-00001-of-00001.safetensors    (T, D) rows of each item, by its id

The set keeps its digest, so that `mmgcn extract` continues it. Nothing is pickled.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from extract.config import Layout
from extract.publishing import FEATURES_FILE
from extract.store.conversion import checked_contents
from extract.store.data_card import data_card
from extract.store.feature_set import FeatureSet
from extract.store.feature_store import FeatureStore
from extract.store.files import StoreError, content_hash, explain_write_errors, write_atomically
from extract.store.manifest import read_manifest, write_manifest
from extract.store.npy import npy_bytes
from extract.store.records import Record, read_records, record_line

RECORDS = "records.jsonl"
SHARDS = "features-*-of-*.safetensors"
MAX_SHARD_BYTES, MAX_SHARD_ITEMS = 1 << 30, 100_000
MODALITY = re.compile(r"[a-z][a-z0-9_-]*")  # the name of a folder
RESERVED = "__metadata__"  # of a safetensors file


def save_pretrained(features: FeatureSet, folder: Path | str) -> Path:
    """Write a feature set as the hub stores data sets, and return the folder.

    Existing files are replaced, except README.md: the licence in it is yours.

    Raises:
        StoreError: rows are damaged, an id cannot be the name of an array, or a file cannot be
            written.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(SHARDS):
            old.unlink()
        contents = checked_contents(features)
        sizes = [record.num_bytes for record in features.records.sorted() if record.rows > 0]
        lengths = list(shard_lengths(sizes, MAX_SHARD_BYTES, MAX_SHARD_ITEMS))
        for number, length in enumerate(lengths, start=1):
            arrays: dict[str, np.ndarray] = {}
            while len(arrays) < length:
                record, data = next(contents)
                if data is not None:
                    arrays[_plain(record.id)] = np.load(io.BytesIO(data), allow_pickle=False)
            name = f"features-{number:05}-of-{len(lengths):05}.safetensors"
            write_atomically(folder / name, save(arrays, metadata={"format": "np"}))
        published = map(_without_files, features.records.sorted())
        write_atomically(folder / RECORDS, map(record_line, published))
        manifest = read_manifest(features.path)
        versions = manifest.pop("versions", {})
        versions.pop("named", None)  # a path of this machine
        write_manifest(folder, manifest, versions=versions)
        if not (folder / "README.md").exists():
            card = data_card(features, num_files=len(lengths))
            (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def from_pretrained(
    folder: Path | str, store: FeatureStore | Path | str, *, layout: Layout | None = None
) -> FeatureSet:
    """Return the feature set that `save_pretrained` wrote into a local folder, in a store.

    If the store has the set already, the items of the folder are added to it. It becomes the
    current set of its modality, unless that covers more items.

    Args:
        folder: local folder, such as a clone of a repository of the hub.
        store: a feature store, or its folder, which is created if needed.
        layout: layout of a new set; see `FeatureStore.create`.

    Raises:
        StoreError: the folder is not a published set, or damaged; or the store cannot be written.
    """
    folder = Path(folder)
    store = store if isinstance(store, FeatureStore) else FeatureStore(store)
    content = read_manifest(folder)
    modality, versions = str(content.pop("modality", "")), content.pop("versions", {})
    content.pop("schema_version")
    if not MODALITY.fullmatch(modality) or not {"encoder", "dim"} <= content.keys():
        raise StoreError(
            f"{folder / FEATURES_FILE} names no modality, encoder and width; expected the folder "
            "that save_pretrained writes"
        )
    records = {record.id: record for record in read_records(folder / RECORDS)}
    shards = dict(_shards(folder))
    recorded = {name for name, record in records.items() if record.rows > 0}
    if different := sorted(recorded ^ shards.keys()):
        raise StoreError(
            f"{folder} is incomplete: {len(different):,} items, such as '{different[0]}', are "
            f"only in one of {RECORDS} and {SHARDS}; download it again"
        )
    with store.locked():
        features = store.create(modality, content, versions=versions, current=False, layout=layout)
        for name, rows in _rows(shards):
            if content_hash(npy_bytes(rows)) != records[name].rows_hash:
                raise StoreError(f"the rows of '{name}' in {folder} are damaged; download it again")
            features.write(_without_files(records.pop(name)), rows)
        for record in records.values():
            features.write(_without_files(record), None)
        features.finish()
        store.update_current(features)
    return FeatureSet(features.path)


def shard_lengths(sizes: Iterable[int], max_bytes: int, max_items: int) -> Iterator[int]:
    """Yield the number of items in each file.

    >>> list(shard_lengths([4, 4, 4, 9, 1], max_bytes=8, max_items=9))
    [2, 1, 1, 1]
    """
    num_items = num_bytes = 0
    for size in sizes:
        if num_items and (num_bytes + size > max_bytes or num_items == max_items):
            yield num_items
            num_items = num_bytes = 0
        num_items, num_bytes = num_items + 1, num_bytes + size
    if num_items:
        yield num_items


def _shards(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of each array, and its file."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob(SHARDS)):
        try:
            with safe_open(path, framework="numpy") as file:
                yield from ((name, path) for name in file.keys())  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise StoreError(f"{path} is damaged ({error}); download it again") from error


def _rows(shards: dict[str, Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and (T, D) rows of each array, file by file."""
    from safetensors import safe_open

    for path in sorted(set(shards.values())):
        with safe_open(path, framework="numpy") as file:
            yield from ((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118


def _without_files(record: Record) -> Record:
    return replace(record, source="", size_bytes=0, mtime_ns=0, pack=None, offset=None)


def _plain(item_id: str) -> str:
    try:
        item_id.encode()
    except UnicodeEncodeError:
        item_id = RESERVED
    if item_id == RESERVED:
        raise StoreError(
            f"an id is '{RESERVED}' or not UTF-8, which no safetensors file can name; rename the "
            "video and extract it again"
        )
    return item_id
