"""MMRec: a table with a column for the part, and feature matrices whose row i is item i.

Source: https://github.com/enoche/MMRec, src/configs/overall.yaml and src/utils/dataset.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import PARTS, UNSPLIT, Content
from mmgcn.format import FormatError, ImportOptions, WritableFormat, Written
from mmgcn.formats._arrays import read_matrix
from mmgcn.formats._modality import name_modalities
from mmgcn.formats._numbering import Numbering, known_lists, numbered_matrix, write_ids
from mmgcn.formats._tables import files_in, first_line, only_file, read_table

LABELS = {"0": "train", "1": "valid", "2": "test"}  # values of the column x_label
USER = ("userID", "user_id", "user")
ITEM = ("itemID", "item_id", "item")
FEATURE_FILES = {
    "visual": "image_feat.npy",
    "textual": "text_feat.npy",
    "acoustic": "audio_feat.npy",
}
LAYOUT = "NAME.inter with x_label, image_feat.npy, text_feat.npy, audio_feat.npy"


def _detect(path: Path) -> str | None:
    """Recognise an .inter file by its column x_label."""
    found = files_in(path, "*.inter")
    labelled = [file for file in found if "x_label" in first_line(file).split("\t")]
    return f"{labelled[0].name} with a column x_label" if labelled else None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the parts and the features."""
    file = only_file(path, "*.inter")
    if file is None:
        raise FormatError(f"{path} contains no .inter")
    table = read_table(file, "\t", header=True)
    columns = {"user": _column(table, USER, file), "item": _column(table, ITEM, file)}
    columns |= {
        role: name
        for role, name in (("time", "timestamp"), ("rating", "rating"))
        if name in table.columns
    }
    content = Content()
    if "x_label" in table.columns:
        unknown = table.filter(~pl.col("x_label").is_in(list(LABELS)))
        if unknown.height:
            raise FormatError(
                f"{unknown.height:,} rows of {file} have another x_label than 0, 1 or 2, such "
                f"as '{unknown['x_label'][0]}'"
            )
        for label, part in LABELS.items():
            rows = table.filter(pl.col("x_label") == label)
            if rows.height:
                content.add_part(part, rows, source=f"{file.name}, x_label {label}", **columns)
    else:
        content.add_part(UNSPLIT, table, source=file.name, **columns)
    arrays = files_in(file.parent, "*_feat.npy", "*_feat.pt", "*_feats.npy")
    for name, array in name_modalities(arrays).items():
        matrix = read_matrix(array, options)
        ids = pl.int_range(len(matrix), eager=True).cast(pl.String)
        content.add_features(name, ids, matrix, source=array.name)
    if (file.parent / "user_graph_dict.npy").is_file():
        content.dropped.append("user_graph_dict.npy: it is computed from the interactions")
    return content


def _write(
    content: Content, folder: Path, *, name: str, lists: pl.DataFrame | None = None
) -> Written:
    """Write NAME.inter, matrices over all items, and the ids behind the numbers."""
    users, items = Numbering(content.users), Numbering(content.items)
    tables = []
    for label, part in LABELS.items():
        table = content.parts.get(part, content.parts.get(UNSPLIT) if label == "0" else None)
        if table is not None:
            columns = [pl.col("timestamp")] if "timestamp" in table.columns else []
            tables.append(
                table.select(
                    users.index(pl.col("user_id")).alias("userID"),
                    items.index(pl.col("item_id")).alias("itemID"),
                    pl.lit(1.0).alias("rating"),
                    *columns,
                    pl.lit(int(label)).alias("x_label"),
                )
            )
    if not tables:
        raise FormatError("there are no interactions to write")
    files = [folder / f"{name}.inter"]
    pl.concat(tables, how="diagonal").write_csv(files[0], separator="\t")
    dropped = []
    for modality, features in content.features.items():
        file = folder / FEATURE_FILES.get(modality, f"{modality}_feat.npy")
        matrix, notes = numbered_matrix(features, items)
        dropped += notes
        np.save(file, matrix)
        files.append(file)
    files += write_ids(folder, users=users, items=items)
    if lists is not None:
        lists, notes = known_lists(lists, users, items)
        dropped += notes
        files.append(folder / "recommend_topk.csv")
        _write_lists(lists, files[-1], users, items)
    missing_parts = [part for part in PARTS[1:] if part not in content.parts]
    if missing_parts:
        dropped.append(f"there is no {' and no '.join(missing_parts)} part; MMRec needs both")
    config = [
        f"inter_file_name: '{name}.inter'",
        "USER_ID_FIELD: userID",
        "ITEM_ID_FIELD: itemID",
    ]
    config += [
        f"{key}: '{FEATURE_FILES[modality]}'"
        for modality, key in (
            ("visual", "vision_feature_file"),
            ("textual", "text_feature_file"),
        )
        if modality in content.features
    ]
    usage = [f"copy the folder to data/{name} of MMRec; src/configs/dataset/{name}.yaml:"]
    return Written(files, [*usage, *(f"  {line}" for line in config)], dropped)


def _column(table: pl.DataFrame, names: tuple[str, ...], file: Path) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise FormatError(f"{file} has no column {' or '.join(names)}; it has: {table.columns}")
    return found


def _write_lists(lists: pl.DataFrame, file: Path, users: Numbering, items: Numbering) -> None:
    """Write one row per user: id, then top_0, top_1 and so on."""
    wide = (
        lists.select(
            users.index(pl.col("user_id")).alias("id"),
            items.index(pl.col("item_id")).alias("item"),
            (pl.lit("top_") + (pl.col("rank") - 1).cast(pl.String)).alias("rank"),
        )
        .pivot("rank", index="id", values="item")
        .sort("id")
    )
    wide.write_csv(file, separator="\t")


FORMAT = WritableFormat("mmrec", "MMRec", layout=LAYOUT, detect=_detect, read=_read, write=_write)
