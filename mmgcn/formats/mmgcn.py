"""The published code of MMGCN: arrays with a common numbering of users and items.

train.npy has one row (user, item) per interaction; item numbers start at the number of users. Each
row of val_full.npy and test_full.npy is a user and their items; in the older *_sample.npy it is a
user, 1,000 items without an interaction, and their items. Row i of the features is the i-th item.

GRCN, HUIGN and others that build on the code have the same arrays.

Source: https://github.com/weiyinwei/MMGCN, its README, Dataset.py and Movielens/Model.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import UNSPLIT, Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._arrays import read_lists, read_matrix
from mmgcn.formats._modality import modality_of
from mmgcn.formats._tables import file_named, files_in
from mmgcn.formats._user_lists import pairs_table

TRAIN = ("train.npy", "train_sample.npy")
HELD_OUT = {
    "valid": ("val_full", "val", "val_sample"),
    "test": ("test_full", "test", "test_sample"),
}
NUM_NEGATIVES = 1_000  # per row of the files with negatives
FEATURES = ("Feature*.npy", "feat_?.pt", "feat_?.npy", "?_feat.npy", "?_feat_sample.npy")
WITH_NEGATIVES = ("val", "test", "val_sample", "test_sample")
# Numbers of users and items of the published data sets, from the code.
PUBLISHED = ((55_485, 5_986), (36_656, 76_085), (7_010, 86_483))
LAYOUT = "train.npy, val_full.npy, test_full.npy, FeatureVideo_normal.npy or feat_v.pt and siblings"


def _detect(path: Path) -> str | None:
    """Recognise train.npy by its shape."""
    train = file_named(path, TRAIN)
    if train is None or train.suffix != ".npy":
        return None
    try:
        matrix = np.load(train, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return None
    if matrix.ndim == 2 and matrix.shape[1] == 2 and matrix.dtype.kind in "iu":
        return f"{train.name} with rows (user, item)"
    return None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read interactions and features, and number items from 0."""
    train = file_named(path, TRAIN)
    if train is None:
        raise FormatError(f"{path} contains no train.npy")
    folder = train.parent
    content = Content()
    pairs = {"train": _pairs(train, options)}
    for part, stems in HELD_OUT.items():
        files = [folder / f"{stem}.npy" for stem in stems]
        present = [file for file in files if file.is_file()]
        if present:
            pairs[part] = _held_out(present[0], options, content)
            content.dropped += [f"{file.name}: {present[0].name} is read" for file in present[1:]]
    matrices = _features(folder, options, content)
    num_users = _num_users(pairs, matrices, options)
    for part, (user, item) in pairs.items():
        table = pairs_table(user, item - num_users)
        content.add_part(part, table, source=_source(folder, part), user="user_id", item="item_id")
    if len(pairs) == 1:
        content.parts = {UNSPLIT: content.parts["train"]}
    content.found.append(f"items are numbered from {num_users:,} in the files, from 0 here")
    for name, (file, matrix) in matrices.items():
        ids = pl.int_range(len(matrix), eager=True).cast(pl.String)
        content.add_features(name, ids, matrix, source=file.name)
    for name in ("user_item_dict.npy", "adj.npy", "final_adj_dict.npy"):
        if (folder / name).is_file():
            content.dropped.append(f"{name}: it repeats train.npy")
    return content


def _source(folder: Path, part: str) -> str:
    stems = ("train", "train_sample") if part == "train" else HELD_OUT[part]
    return next(f"{stem}.npy" for stem in stems if (folder / f"{stem}.npy").is_file())


def _pairs(train: Path, options: ImportOptions) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.asarray(read_matrix(train, options))
    if matrix.ndim != 2 or matrix.shape[1] != 2 or len(matrix) == 0:
        raise FormatError(f"{train} has the shape {matrix.shape}; rows (user, item) are expected")
    return matrix[:, 0].astype(np.int64), matrix[:, 1].astype(np.int64)


def _held_out(
    file: Path, options: ImportOptions, content: Content
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs in rows `user item item ...`, without the 1,000 negatives, if any."""
    _, ends, values = read_lists(file, options)
    lengths = np.diff(ends)
    first = 1
    if file.stem in WITH_NEGATIVES and len(lengths) and lengths.min() > NUM_NEGATIVES:
        first += NUM_NEGATIVES
        content.dropped.append(
            f"{NUM_NEGATIVES:,} items without interaction in each row of {file.name}: metrics of "
            "mmgcn rank all items"
        )
    user = np.repeat(values[ends[:-1][lengths > 0]], np.maximum(lengths[lengths > 0] - first, 0))
    column = np.arange(len(values)) - np.repeat(ends[:-1], lengths)
    return user, values[column >= first]


def _features(
    folder: Path, options: ImportOptions, content: Content
) -> dict[str, tuple[Path, np.ndarray]]:
    """Return the matrices of features by modality."""
    found: dict[str, tuple[Path, np.ndarray]] = {}
    for file in files_in(folder, *FEATURES):
        modality = modality_of(file.stem) or file.stem
        if modality in found:
            content.dropped.append(f"{file.name}: {found[modality][0].name} is read")
            continue
        matrix = read_matrix(file, options)
        if matrix.ndim == 2 and len(matrix) == 2 and matrix.dtype.kind in "iu":
            content.dropped.append(
                f"{file.name}: it has pairs of an item and a word, not one vector per item"
            )
            continue
        if matrix.ndim != 2:
            raise FormatError(f"{file} has the shape {matrix.shape}; a matrix is expected")
        found[modality] = file, matrix
    return found


def _num_users(
    pairs: dict[str, tuple[np.ndarray, np.ndarray]],
    matrices: dict[str, tuple[Path, np.ndarray]],
    options: ImportOptions,
) -> int:
    """Return the number of users, which is the number of the first item.

    Raises:
        FormatError: the files do not determine it, or contradict each other.
    """
    last_user = max(int(user.max(initial=0)) for user, _ in pairs.values())
    first_item = min(int(item.min()) for _, item in pairs.values() if len(item))
    last_item = max(int(item.max(initial=0)) for _, item in pairs.values())
    rows = {len(matrix) for _, matrix in matrices.values()}
    lowest = max([last_user + 1, *(last_item + 1 - each for each in rows)])
    if options.num_users is not None:
        if not lowest <= options.num_users <= first_item:
            raise FormatError(
                f"num_users is {options.num_users:,}; the files allow {lowest:,} to {first_item:,}"
            )
        return options.num_users
    if lowest > first_item:
        raise FormatError(
            f"items are numbered from {first_item:,} on and users up to {last_user:,}, with "
            f"{', '.join(f'{each:,}' for each in sorted(rows)) or 'no'} rows of features; items "
            "must be numbered from the number of users on"
        )
    published = [users for users, items in PUBLISHED if rows == {items}]
    if published and lowest <= published[0] <= first_item:
        return published[0]
    if lowest == first_item or not rows:
        return first_item
    raise FormatError(
        f"the number of users is between {lowest:,} and {first_item:,}, and determines the item of "
        "each row of the features; pass num_users"
    )


FORMAT = Format(
    "mmgcn", "MMGCN, GRCN", layout=LAYOUT, detect=_detect, read=_read, aliases=("grcn",)
)
