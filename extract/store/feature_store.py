"""FeatureStore: a folder of feature sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extract.config import Layout
from extract.store.feature_set import FeatureSet, NoFeatures
from extract.store.files import StoreError, explain_write_errors, has_content, write_atomically
from extract.store.layout import create_storage
from extract.store.lock import writer_lock
from extract.store.manifest import FILE, folder_name, full_manifest, write_manifest
from extract.store.renaming import finish_marked_writes, probe

CAPTIONS, SPEECH = "captions", "speech"


class FeatureStore:
    """A folder of feature sets: `root/<modality>/<encoder>-<digest>/`."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    @property
    def captions(self) -> FeatureStore:
        """The store of transcripts, which are in the records of its sets."""
        return FeatureStore(self.root / CAPTIONS)

    def spoken_captions(self, item_ids: Iterable[str] | None = None) -> dict[str, str]:
        """Return the transcripts of the current set of transcripts, by item id.

        Args:
            item_ids: items to return; None for all.
        """
        transcripts = self.captions.current(SPEECH)
        if transcripts is None:
            return {}
        known = transcripts.records
        records = known.sorted() if item_ids is None else map(known.get, item_ids)
        return {r.id: r.caption for r in records if r is not None and r.segments}

    def modalities(self) -> tuple[str, ...]:
        """Return the modalities with a current feature set, sorted.

        Raises:
            NoFeatures: there is no store.
        """
        if not self.root.is_dir():
            raise NoFeatures(
                f"no feature store at {self.root}; create one with: mmgcn extract VIDEOS "
                f"--out {self.root}"
            )
        return tuple(sorted(path.parent.name for path in self.root.glob("*/current")))

    def all_sets(self) -> Iterator[FeatureSet]:
        """Yield every set, current or not, in the order of their folders.

        Raises:
            NoFeatures: there is no store.
        """
        self.modalities()  # raises without a store
        for path in sorted(self.root.glob(f"*/*/{FILE}")):
            yield FeatureSet(path.parent)

    def feature_set(self, modality: str) -> FeatureSet:
        """Return the current set of a modality: the one that `fit` reads.

        Raises:
            NoFeatures: there is none.
            StoreError: it cannot be read, for example because a newer version wrote it.
        """
        known = self.modalities()
        if modality not in known:
            raise NoFeatures(
                f"{self.root} contains no {modality} features; it contains: "
                f"{', '.join(known) or 'none'}"
            )
        pointer = self.root / modality / "current"
        name = pointer.read_text(encoding="utf-8", errors="replace").strip()
        if name in ("", "..") or Path(name).name != name:
            raise StoreError(f"{pointer} does not name a folder beside it; extract again")
        return FeatureSet(self.root / modality / name)

    def find(self, modality: str, manifest: Mapping[str, Any]) -> FeatureSet | None:
        """Return the set with a manifest, or None if it does not exist; nothing is written."""
        folder = self.root / modality / folder_name(full_manifest(modality, manifest))
        return FeatureSet(folder) if (folder / FILE).exists() else None

    def create(
        self,
        modality: str,
        manifest: Mapping[str, Any],
        *,
        versions: Mapping[str, str] | None = None,
        current: bool = True,
        shard: str | None = None,
        layout: Layout | None = None,
    ) -> FeatureSet:
        """Return the set with a manifest; create it if it does not exist.

        Args:
            modality: its name.
            manifest: every setting that changes a value; its digest names the folder.
            versions: versions of libraries, stored with the manifest; they do not enter the digest.
            current: whether it becomes the modality's current set at once.
            shard: see `FeatureSet`.
            layout: None keeps that of an existing set, and is files for a new one.

        Raises:
            StoreError: the folder cannot be written, the disk is full, or the set exists in another
                layout.
        """
        full = full_manifest(modality, manifest)
        folder = self.root / modality / folder_name(full)
        with explain_write_errors(folder):
            is_new = not (folder / FILE).exists()
            create_storage(folder, layout, is_new=is_new)
            if is_new:
                write_manifest(folder, full, versions=versions or {})
        features = FeatureSet(folder, shard=shard)
        if current:
            self.make_current(features)
        return features

    def find_by_name(self, name: str) -> FeatureSet:
        """Return the set with that name: MODALITY/FOLDER, FOLDER, or the start of its digest.

        Raises:
            NoFeatures: no set or several sets have that name.
        """
        sets = {each.name: each for each in self.all_sets()}
        found = [
            each
            for full, each in sets.items()
            if name in (full, each.path.name) or (name and each.digest.startswith(name))
        ]
        if len(found) != 1:
            some = ", ".join(each.name for each in found) or ", ".join(sets) or "none"
            raise NoFeatures(
                f"{len(found) or 'no'} feature sets of {self.root} are called '{name}'; "
                f"{'they are' if found else 'its sets are'}: {some}"
            )
        return found[0]

    def current(self, modality: str) -> FeatureSet | None:
        """Return the current set of a modality, or None if there is none that can be read."""
        try:
            return self.feature_set(modality)
        except StoreError:
            return None

    def update_current(self, features: FeatureSet, *, allow_fewer: bool = False) -> str | None:
        """Make a set the current one of its modality, unless it covers fewer items.

        Args:
            features: the set.
            allow_fewer: whether it replaces a set that covers more items, too.

        Returns:
            A note for the user: that the set did not become the current one, or that it lacks
            items of the one it replaced. None if there is nothing to note.
        """
        before = self.current(features.manifest["modality"])
        if before is None or before.path == features.path:
            self.make_current(features)
            return None
        old, new = set(before.item_ids()), set(features.item_ids())
        if len(new) < len(old) and not allow_fewer:
            return (
                f"{features.name} covers {len(new):,} items and the current set {before.name} "
                f"covers {len(old):,}, so that one stays current; to switch: "
                f"mmgcn store use {features.digest} --store {self.root}"
            )
        self.make_current(features)
        if missing := old - new:
            return (
                f"{features.name} is the current set now; it lacks {len(missing):,} of the "
                f"{len(old):,} items of {before.name}; to switch back: "
                f"mmgcn store use {before.digest} --store {self.root}"
            )
        return None

    def make_current(self, features: FeatureSet, *, replace: bool = True) -> None:
        """Make a set the current one of its modality, however many items it covers.

        Args:
            features: the set.
            replace: whether it replaces a current set; otherwise that one stays current.
        """
        pointer = features.path.parent / "current"
        data = f"{features.path.name}\n".encode()
        if (not pointer.exists() or replace) and not has_content(pointer, data):
            with explain_write_errors(pointer):
                write_atomically(pointer, data)

    @contextmanager
    def locked(self, shard: str | None = None) -> Iterator[Sequence[str]]:
        """Lock the store for writing.

        Shards with different names may write at the same time; a writer without `shard` excludes
        all others.

        Yields:
            Notes for the user: that writes are slower on a file system without atomic renaming.

        Raises:
            StoreError: another process is writing, or the folder cannot be written.
        """
        with writer_lock(self.root, shard):
            with explain_write_errors(self.root):
                can_rename = probe(self.root)
                if shard is None:  # else others are writing
                    finish_marked_writes(self.root)
            yield (
                ()
                if can_rename
                else (
                    f"the file system of {self.root} cannot replace files atomically; they are "
                    "written in place and read back, which is slower",
                )
            )
