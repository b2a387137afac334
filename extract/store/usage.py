"""Usage: bytes of a store on disk, and unused ones among them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from extract.store.conversion import other_layout_paths
from extract.store.feature_set import FeatureSet
from extract.store.feature_store import FeatureStore


@dataclass(frozen=True)
class Usage:
    """Bytes of one set on disk.

    Args:
        rows: files of rows, in any layout.
        records: manifest and records.
        pooled: pooled vectors, which `fit` writes again if they are missing.
        unused: the part of `rows` that no record names, and leftovers of interruptions.
    """

    rows: int
    records: int
    pooled: int
    unused: int

    @property
    def total(self) -> int:
        """All bytes of the set."""
        return self.rows + self.records + self.pooled


@dataclass(frozen=True)
class Unused:
    """Files that can be removed: their paths, the reason, and the number of bytes freed."""

    paths: tuple[Path, ...]
    reason: str
    num_bytes: int


def usage_of(features: FeatureSet) -> Usage:
    """Return the bytes of a set on disk."""
    sizes = {
        path: path.stat().st_size for path in features.path.rglob("*") if path.is_file()
    }  # by path
    pooled = sum(size for path, size in sizes.items() if path.name.startswith("pooled-"))
    rows = sum(size for path, size in sizes.items() if path.parent != features.path)
    leftovers = {path for path in _leftovers(features) if path in sizes}
    unused = sum(sizes[path] for path in leftovers)
    if features.layout == "packed":
        kept = sum(size for path, size in sizes.items() if path.suffix == ".pack")
        kept -= sum(sizes[path] for path in leftovers if path.suffix == ".pack")
        used = sum(_padded(record.num_bytes) for record in features.records.sorted())
        unused += max(0, kept - used)
    return Usage(rows, sum(sizes.values()) - rows - pooled, pooled, unused)


def unused(store: FeatureStore, keep: Collection[str] = ()) -> Iterator[Unused]:
    """Yield the unused files of a store, for `remove`.

    Args:
        keep: digests of sets that are in use. Current sets are always kept.
    """
    current = {found.path for name in store.modalities() if (found := store.current(name))}
    for features in store.all_sets():
        name = features.name
        if features.path not in current and features.digest not in keep:
            num_bytes = usage_of(features).total
            reason = f"{name} is not current, and no run was trained on it"
            yield Unused((features.path,), reason, num_bytes)
            continue
        leftovers = tuple(_leftovers(features))
        if leftovers:
            num_bytes = sum(path.stat().st_size for path in leftovers)
            reason = f"{len(leftovers):,} files of {name} that no record names"
            yield Unused(leftovers, reason, num_bytes)


def remove(found: Unused) -> None:
    """Remove files that `unused` found. The store must be locked.

    Raises:
        OSError: it cannot be removed.
    """
    for path in found.paths:
        if path.is_dir():
            (path / "manifest.json").unlink()  # from here on it is not a set
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _leftovers(features: FeatureSet) -> Iterator[Path]:
    """Yield files that no record names, and those of interrupted writes and conversions."""
    yield from features.storage.unrecorded()
    yield from sorted(features.path.rglob("*.tmp"))
    yield from other_layout_paths(features)


def _padded(num_bytes: int) -> int:
    return -(-num_bytes // 64) * 64
