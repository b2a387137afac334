"""Elliot: tables without a header, and folders with one vector per item.

Source: https://github.com/sisinflab/elliot, its documentation of `data_config` (strategies
`dataset` and `fixed`) and elliot/dataset/modular_loaders/visual/visual_attribute.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import PARTS, UNSPLIT, Content
from mmgcn.format import FormatError, ImportOptions, WritableFormat, Written
from mmgcn.formats._item_files import add_item_files
from mmgcn.formats._modality import modality_of, plain_name
from mmgcn.formats._numbering import Numbering, known_lists, write_ids
from mmgcn.formats._tables import files_in, first_line, part_files, read_table

FILES = {
    UNSPLIT: ("dataset.tsv",),
    "train": ("train.tsv",),
    "valid": ("val.tsv", "validation.tsv"),
    "test": ("test.tsv",),
}
ROLES = ("user", "item", "rating", "time")
LAYOUT = "dataset.tsv, or train.tsv, val.tsv and test.tsv; folders with ITEM.npy"


def _detect(path: Path) -> str | None:
    """Recognise a table by its name and its first line."""
    found = _parts(path)
    for part in (UNSPLIT, "train"):
        if part in found and _is_table(first_line(found[part])):
            return f"{found[part].name} without a header"
    return None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the tables, and each folder of vectors as a modality."""
    found = _parts(path)
    if UNSPLIT in found and "train" not in found:
        found = {UNSPLIT: found[UNSPLIT]}
    elif "train" in found:
        found.pop(UNSPLIT, None)
    else:
        raise FormatError(f"{path} contains neither dataset.tsv nor train.tsv")
    content = Content()
    for part, file in found.items():
        table = read_table(file, "\t", header=False)
        if not 2 <= table.width <= len(ROLES):
            raise FormatError(
                f"{file} has {table.width} columns; user, item, rating and timestamp are expected"
            )
        columns = {role: str(n) for n, role in enumerate(ROLES[: table.width], 1)}
        content.add_part(part, table, source=file.name, **columns)
    folder = next(iter(found.values())).parent
    for each in sorted(each for each in folder.iterdir() if each.is_dir()):
        files = {file.stem: file for file in files_in(each, "*.npy")}
        if files:
            name = modality_of(each.name) or plain_name(each.name)
            add_item_files(content, name, files, options, source=each.name)
    return content


def _write(
    content: Content,
    folder: Path,
    *,
    name: str,  # noqa: ARG001  # Elliot's files have fixed names
    lists: pl.DataFrame | None = None,
) -> Written:
    """Write the tables, a folder of vectors per modality, and lists.

    Elliot reads ids as whole numbers. Other ids are numbered, and written to separate files.
    """
    users, items = Numbering(content.users), Numbering(content.items)
    numbered = _numbered(users.ids), _numbered(items.ids)
    files: list[Path] = []
    for part, names in FILES.items():
        if part in content.parts:
            table = content.parts[part]
            rating = pl.col("rating") if "rating" in table.columns else pl.lit(1).alias("rating")
            times = [pl.col("timestamp")] if "timestamp" in table.columns else []
            files.append(folder / names[0])
            table.select(
                _index(users, "user_id", plain=numbered[0]),
                _index(items, "item_id", plain=numbered[1]),
                rating,
                *times,
            ).write_csv(files[-1], separator="\t", include_header=False)
    if not files:
        raise FormatError("there are no interactions to write")
    dropped, usage = [], _usage(content)
    for modality, features in content.features.items():
        vectors = folder / f"{plain_name(modality)}_features"
        vectors.mkdir()
        rows = (
            features.ids.to_frame("id")
            .with_row_index("row")
            .filter(pl.col("id").is_in(items.ids.implode()))
        )
        for row, item in rows.with_columns(_index(items, "id", plain=numbered[1])).iter_rows():
            np.save(vectors / f"{item}.npy", np.asarray(features.matrix[row], np.float32))
        files.append(vectors)
        others = len(features.ids) - rows.height
        if others:
            dropped.append(f"{modality} features of {others:,} items: they have no interactions")
    files += write_ids(
        folder,
        users=None if numbered[0] else users,
        items=None if numbered[1] else items,
    )
    if lists is not None:
        lists, notes = known_lists(lists, users, items)
        dropped += notes
        files.append(folder / "recommendations.tsv")
        lists.select(
            _index(users, "user_id", plain=numbered[0]),
            _index(items, "item_id", plain=numbered[1]),
            "score",
        ).write_csv(files[-1], separator="\t", include_header=False)
        usage.append("the lists are for its model ProxyRecommender, path: recommendations.tsv")
    return Written(files, usage, dropped)


def _parts(path: Path) -> dict[str, Path]:
    """Return the tables at a path, by part."""
    folder = path if path.is_dir() else path.parent
    tables = part_files(folder, FILES)
    return tables if path.is_dir() or path in tables.values() else {}


def _is_table(line: str) -> bool:
    """Return whether a line has two to four fields, the third and fourth of them numbers."""
    fields = line.split("\t")
    try:
        [float(field) for field in fields[2:]]
    except ValueError:
        return False
    return 2 <= len(fields) <= len(ROLES)


def _numbered(ids: pl.Series) -> bool:
    """Return whether all ids are whole numbers without leading zeros."""
    return bool(ids.str.contains(r"^(0|[1-9]\d*)$").all())


def _index(numbering: Numbering, column: str, *, plain: bool) -> pl.Expr:
    """Return the ids of a column, as they are or as numbers."""
    return pl.col(column) if plain else numbering.index(pl.col(column)).alias(column)


def _usage(content: Content) -> list[str]:
    """Return the configuration of Elliot for the written files."""
    if UNSPLIT in content.parts:
        lines = [
            "its configuration:",
            "  data_config: {strategy: dataset, dataset_path: dataset.tsv}",
        ]
    else:
        keys = {"train": "train_path", "valid": "validation_path", "test": "test_path"}
        paths = [f"{keys[part]}: {FILES[part][0]}" for part in PARTS if part in content.parts]
        lines = ["its configuration:", f"  data_config: {{strategy: fixed, {', '.join(paths)}}}"]
    if content.features:
        folders = ", ".join(f"{plain_name(modality)}_features" for modality in content.features)
        lines.append(f"  side_information: a dataloader for each folder: {folders}")
    return lines


FORMAT = WritableFormat("elliot", "Elliot", layout=LAYOUT, detect=_detect, read=_read, write=_write)
