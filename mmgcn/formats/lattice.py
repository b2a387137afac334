"""LATTICE, MICRO, MMSSL and DiffMM: sparse matrices or JSON lists, and features by row.

LATTICE stores train.json, val.json and test.json in a folder 5-core, each an object with a list of
items per user; MMSSL and DiffMM store matrices of users and items, mostly as pickles. Row i of
image_feat.npy, text_feat.npy and audio_feat.npy is item i.

Data of other models in the layout of these Amazon and TikTok data are also read.

Source: https://github.com/CRIPAC-DIG/LATTICE, codes/utility/load_data.py;
https://github.com/HKUDS/MMSSL, MMSSL/main.py; https://github.com/HKUDS/DiffMM, DataHandler.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._arrays import read_matrix, read_sparse
from mmgcn.formats._modality import name_modalities
from mmgcn.formats._tables import files_in
from mmgcn.formats._user_lists import empty_lists, pairs_table, read_json_lists

# Part -> stems of its file, most likely first.
STEMS = {
    "train": ("trnMat", "train_mat", "train"),
    "valid": ("valMat", "val_mat", "valid_mat", "val"),
    "test": ("tstMat", "test_mat", "test"),
}
SUFFIXES = (".npz", ".json", ".pkl", "")  # formats that can run no code first
LAYOUT = "trnMat.npz (or .pkl, train_mat, 5-core/train.json) and siblings, image_feat.npy ..."


def _detect(path: Path) -> str | None:
    """Recognise the training matrix, or lists in JSON."""
    train = _file(path, "train") if path.is_dir() else None
    if train is None:
        return None
    return f"{train.relative_to(path)} with a matrix or lists of interactions"


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the three parts and the features."""
    if _file(path, "train") is None:
        raise FormatError(
            f"{path} contains none of trnMat.npz, trnMat.pkl, train_mat and train.json"
        )
    content = Content()
    for part in STEMS:
        file = _file(path, part)
        if file is None:
            continue
        if file.suffix == ".json":
            table, empty = read_json_lists(file)
            content.dropped += empty_lists(empty, file.name)
        else:
            (user, item), _ = read_sparse(file, options)
            table = pairs_table(user, item)
        content.add_part(part, table, source=file.name, user="user_id", item="item_id")
    arrays = files_in(path, "*_feat.npy", "*_feats.npy", "*/*_feat.npy")
    for name, array in name_modalities(arrays).items():
        matrix: np.ndarray = read_matrix(array, options)
        ids = pl.int_range(len(matrix), eager=True).cast(pl.String)
        content.add_features(name, ids, matrix, source=array.name)
    if files_in(path, "*_adj_mat*.npz", "*/*_adj_mat*.npz"):
        content.dropped.append("*_adj_mat.npz: they are computed from the interactions")
    return content


def _file(path: Path, part: str) -> Path | None:
    """Return the file of a part, in the folder or in that of a k-core."""
    folders = [path, *sorted(each for each in path.glob("*-core") if each.is_dir())]
    return next(
        (
            file
            for folder in folders
            for stem in STEMS[part]
            for suffix in SUFFIXES
            if (file := folder / f"{stem}{suffix}").is_file()
            if not (stem in ("train", "val", "test") and suffix != ".json")
        ),
        None,
    )


FORMAT = Format(
    "lattice",
    "LATTICE, MICRO, MMSSL, DiffMM",
    layout=LAYOUT,
    detect=_detect,
    read=_read,
    aliases=("mmssl", "diffmm", "micro"),
)
