"""FeatureTable: one vector an item, from the feature store or from a user's own file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from extract.store import FeatureStore
from mmgcn.data.ids import examples


class FeatureError(ValueError):
    """Features that cannot be used; the message says why and what to do."""


@dataclass(eq=False)
class FeatureTable:
    """Vectors of items that are known by id.

    Shapes:
        ids: N of them; matrix: (N, D) float32.

    Args:
        known: every id that was looked at, also those that have no vector (no sound, no caption,
            a broken file). An item outside was never extracted.
        source: encoder, digest and width, for the run's configuration.
    """

    name: str
    ids: Sequence[str]
    matrix: np.ndarray
    known: frozenset[str]
    source: dict[str, Any] = field(default_factory=dict)


def from_store(root: Path) -> list[FeatureTable]:
    """Return the current features of every modality in a store."""
    store = FeatureStore(root)
    tables = []
    for modality in store.modalities():
        features = store.feature_set(modality)
        ids, matrix = features.pooled()
        source = {
            "encoder": features.manifest["encoder"],
            "digest": features.digest,
            "dim": int(matrix.shape[1]),
            "store": str(root),
        }
        tables.append(FeatureTable(modality, ids, matrix, frozenset(features.records), source))
    if not tables:
        raise FeatureError(f"{root} holds no features; make some with: mmgcn extract VIDEOS")
    return tables


def from_file(words: str) -> FeatureTable:
    """Return the table of `NAME=FILE.npy` or `NAME=FILE.npy,IDS.txt`.

    Without a file of ids, row i is item "i".

    Raises:
        FeatureError: no such file, not numbers, not finite, or ids that do not fit the rows.
    """
    name, _, paths = words.partition("=")
    file, _, id_file = paths.partition(",")
    if not (name and file):
        raise FeatureError(f"--features takes a folder or NAME=FILE.npy[,IDS.txt], not '{words}'")
    path = Path(file)
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise FeatureError(f"no features at {path}") from error
    except (ValueError, EOFError, OSError) as error:
        raise FeatureError(f"{path} is no .npy file of numbers: {error}") from error
    if matrix.ndim == 1:
        matrix = matrix[:, None]  # (N,) -> (N, 1), such as prices
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise FeatureError(f"{path} is {matrix.shape} {matrix.dtype}; features are (N, D) numbers")
    ids = [str(row) for row in range(len(matrix))]
    if id_file:
        try:
            ids = Path(id_file).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise FeatureError(f"no file of ids at {id_file}") from error
    if len(ids) != len(matrix):
        raise FeatureError(f"{id_file} has {len(ids):,} ids for the {len(matrix):,} rows of {path}")
    if len(set(ids)) != len(ids):
        twice = sorted({i for i in ids if ids.count(i) > 1}) if len(ids) < 10_000 else []
        raise FeatureError(f"{id_file} names an item twice: {examples(twice) or 'see uniq -d'}")
    values = np.ascontiguousarray(matrix, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise FeatureError(
            f"{len(bad):,} rows of {path} are not finite, such as those of "
            f"{examples([ids[row] for row in bad[:4]])}; leave those items out of the table"
        )
    digest = hashlib.blake2b(values.tobytes(), digest_size=6).hexdigest()
    source = {"encoder": str(path), "digest": digest, "dim": int(values.shape[1])}
    return FeatureTable(name, ids, values, frozenset(ids), source)


def read_features(words: Sequence[str]) -> list[FeatureTable]:
    """Return the tables of every --features option: folders and NAME=FILE.npy[,IDS.txt], mixed.

    Raises:
        FeatureError: see `from_file`; or two tables have one name.
    """
    tables = []
    for given in words:
        tables += [from_file(given)] if "=" in given else from_store(Path(given))
    names = [table.name for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise FeatureError(f"two --features are called '{name}'; rename one of them")
    return tables
