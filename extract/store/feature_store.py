"""FeatureStore: a folder of feature sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extract.store.feature_set import FeatureSet, NoFeatures
from extract.store.files import StoreError, explained, holds, write_atomically
from extract.store.lock import sole_writer
from extract.store.manifest import FILE, complete, folder_name, write_manifest
from extract.store.renaming import finish_marked, look


class FeatureStore:
    """A folder of feature sets: `root/<modality>/<encoder>-<digest>/`."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def modalities(self) -> tuple[str, ...]:
        """The modalities of which there is a current feature set, sorted.

        Raises:
            NoFeatures: there is no store.
        """
        if not self.root.is_dir():
            raise NoFeatures(
                f"no feature store at {self.root}; make one with: mmgcn extract VIDEOS "
                f"--out {self.root}"
            )
        return tuple(sorted(path.parent.name for path in self.root.glob("*/current")))

    def all_sets(self) -> Iterator[FeatureSet]:
        """Yield every set, the current ones and the others, in the order of their folders."""
        self.modalities()  # is there a store at all?
        for path in sorted(self.root.glob(f"*/*/{FILE}")):
            yield FeatureSet(path.parent)

    def feature_set(self, modality: str) -> FeatureSet:
        """Return the set of that modality that was extracted last.

        Raises:
            NoFeatures: there is none.
            StoreError: it cannot be read, for example because a newer version wrote it.
        """
        known = self.modalities()
        if modality not in known:
            raise NoFeatures(
                f"{self.root} holds no {modality} features; it holds: {', '.join(known) or 'none'}"
            )
        pointer = self.root / modality / "current"
        name = pointer.read_text(encoding="utf-8", errors="replace").strip()
        if name in ("", "..") or Path(name).name != name:
            raise StoreError(f"{pointer} names no folder beside it; extract again")
        return FeatureSet(self.root / modality / name)

    def find(self, modality: str, manifest: Mapping[str, Any]) -> FeatureSet | None:
        """Return the set for that manifest if it is there; nothing is written."""
        folder = self.root / modality / folder_name(complete(modality, manifest))
        return FeatureSet(folder) if (folder / FILE).exists() else None

    def create(
        self,
        modality: str,
        manifest: Mapping[str, Any],
        *,
        versions: Mapping[str, str] | None = None,
        current: bool = True,
        shard: str | None = None,
    ) -> FeatureSet:
        """Return the set for that manifest, made if it is not there.

        The manifest says everything that changes a number; its digest names the folder. The
        versions of libraries are kept beside it and change no digest.

        Args:
            current: whether it becomes the modality's current set at once.
            shard: see `FeatureSet`.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
        """
        full = complete(modality, manifest)
        folder = self.root / modality / folder_name(full)
        with explained(folder):
            (folder / "items").mkdir(parents=True, exist_ok=True)
            if not (folder / FILE).exists():
                write_manifest(folder, full, versions=versions or {})
        made = FeatureSet(folder, shard=shard)
        if current:
            self.make_current(made)
        return made

    def make_current(self, features: FeatureSet, *, replace: bool = True) -> None:
        """Make it the set that `feature_set` returns of its modality.

        Args:
            replace: whether another one loses that place.
        """
        pointer = features.path.parent / "current"
        data = f"{features.path.name}\n".encode()
        if (not pointer.exists() or replace) and not holds(pointer, data):
            with explained(pointer):
                write_atomically(pointer, data)

    @contextmanager
    def locked(self, shard: str | None = None) -> Iterator[Sequence[str]]:
        """Hold the store for writing; a second process is refused at once (`StoreError`).

        Shards of other names may write side by side; a whole writer is alone.

        Yields notes for a person: where the file system does not rename files in one step, that
        they are written in a way that is safe there.
        """
        with sole_writer(self.root, shard):
            with explained(self.root):
                renames = look(self.root)
                if shard is None:  # else others are writing
                    finish_marked(self.root)
            yield (
                ()
                if renames
                else (
                    f"the file system of {self.root} does not rename files in one step; they are "
                    "written in place and read back, which takes longer",
                )
            )
