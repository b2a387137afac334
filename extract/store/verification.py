"""Verification: compare the files of a feature set with its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extract.store.files import content_hash
from extract.store.manifest import FILE, folder_name
from extract.store.npy import DamagedArray

if TYPE_CHECKING:
    from extract.store.feature_set import FeatureSet


@dataclass(frozen=True)
class Problem:
    """A difference between files and records; `id` is the item's, or a file name."""

    id: str
    what: str


def problems_of(
    features: FeatureSet, progress: Callable[[int], None] | None = None
) -> list[Problem]:
    """Read every file of a set and return those that differ from their records.

    Args:
        features: the set.
        progress: called with the number of records that were checked.
    """
    problems = []
    if folder_name(features.manifest) != features.path.name:
        problems.append(Problem(FILE, "does not match the name of its folder"))
    for num_checked, record in enumerate(features.records.sorted(), start=1):
        if progress is not None:
            progress(num_checked)
        if record.rows == 0:
            continue
        try:
            data = features.storage.read_bytes(record)
        except OSError as error:
            problems.append(Problem(record.id, f"cannot be read: {error.strerror}"))
            continue
        except DamagedArray as error:
            problems.append(Problem(record.id, str(error)))
            continue
        if content_hash(data) != record.rows_hash:
            problems.append(Problem(record.id, "does not match its recorded hash"))
    return problems + [
        Problem(path.name, "has no record; it can be removed")
        for path in features.storage.unrecorded()
    ]
