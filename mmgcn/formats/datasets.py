"""datasets of Hugging Face: a local folder in the layout of save_to_disk or of the hub.

Read without the package: Arrow streams (`data-00000-of-00001.arrow`) with state.json, in one folder
per part if there is a dataset_dict.json; or Parquet files named after their part
(`train-00000-of-00001.parquet`), optionally in a folder `data`.

Source: https://huggingface.co/docs/datasets, `Dataset.save_to_disk` and "Structure your
repository".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmgcn.content import UNSPLIT, Content
from mmgcn.data.columns import NAMES, UNKNOWN, Columns
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._modality import plain_name
from mmgcn.formats._tables import files_in

PARTS = {"train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test"}
CAPTIONS = ("caption", "title", "text")
LAYOUT = "dataset_dict.json or state.json with .arrow, or train-*.parquet"


def _detect(path: Path) -> str | None:
    """Recognise the files of save_to_disk, and the names of Parquet files on the hub."""
    if not path.is_dir():
        return None
    for name in ("dataset_dict.json", "state.json"):
        if (path / name).is_file():
            return name
    parts = _parquet(path)
    return f"{next(iter(parts.values()))[0].name}" if parts else None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read the interactions, and columns of number lists and captions of the items."""
    tables = _tables(path)
    if not tables:
        raise FormatError(f"{path} contains neither state.json with .arrow nor train-*.parquet")
    content = Content()
    is_unsplit = len(tables) == 1
    for name, table in tables.items():
        part = UNSPLIT if is_unsplit else PARTS.get(name)
        if part is None:
            content.dropped.append(f"the part {name}: it is neither train, validation nor test")
            continue
        columns = {role: NAMES[role] for role in NAMES if NAMES[role] in table.columns}
        columns |= Columns().guessed(table.columns)
        if UNKNOWN in columns.values():
            raise FormatError(
                f"no column of {path} looks like users or items: {', '.join(table.columns)}; "
                "rename them to user_id and item_id"
            )
        content.add_part(part, table, source=f"{path.name}, {name}", **columns)
    _add_items(content, list(tables.values()), columns)
    return content


def _tables(path: Path) -> dict[str, pl.DataFrame]:
    """Return the tables in a folder by the name of their part."""
    try:
        if (path / "dataset_dict.json").is_file():
            splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            return {str(name): _arrow(path / str(name)) for name in splits}
        if (path / "state.json").is_file():
            return {"train": _arrow(path)}
        return {name: pl.read_parquet(files) for name, files in _parquet(path).items()}
    except (pl.exceptions.PolarsError, OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} cannot be read as a data set: {str(error).splitlines()[0]}"
        ) from error


def _arrow(folder: Path) -> pl.DataFrame:
    """Return the table of a folder that save_to_disk wrote."""
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    files = [folder / Path(str(each["filename"])).name for each in state["_data_files"]]
    if state.get("_indices_data_files"):
        raise ValueError("it has indices; save it again after flatten_indices()")
    return pl.concat([pl.read_ipc_stream(file) for file in files])


def _parquet(path: Path) -> dict[str, list[Path]]:
    """Return the Parquet files of each part."""
    found: dict[str, list[Path]] = {}
    for file in files_in(path, "*-of-*.parquet", "data/*-of-*.parquet"):
        found.setdefault(file.name.partition("-")[0], []).append(file)
    return found


def _add_items(content: Content, tables: list[pl.DataFrame], columns: dict[str, str]) -> None:
    """Add the vectors and captions in the first row of each item."""
    item, used = columns["item"], set(columns.values())
    rows = pl.concat(tables, how="diagonal_relaxed").unique(item, keep="first", maintain_order=True)
    rows = rows.filter(pl.col(item).is_not_null())
    ids = rows[item].cast(pl.String)
    for name, kind in rows.schema.items():
        if (
            isinstance(kind, pl.List | pl.Array)
            and kind.inner is not None
            and kind.inner.is_numeric()
        ):
            known = rows[name].is_not_null()
            vectors = rows[name].filter(known).to_list()
            if len({len(vector) for vector in vectors}) != 1:
                content.dropped.append(f"the column {name}: its lists have different lengths")
                used.add(name)
                continue
            matrix = np.array(vectors, dtype=np.float32)
            content.add_features(
                plain_name(name), ids.filter(known), matrix, source=f"column {name}"
            )
            used.add(name)
    caption = next((name for name in CAPTIONS if name in rows.columns), None)
    if caption is not None and rows[caption].dtype == pl.String:
        content.add_captions(ids.to_list(), rows[caption].to_list(), source=f"column {caption}")
        used.add(caption)
    unused = [name for name in rows.columns if name not in used]
    if unused:
        content.dropped.append(f"columns {', '.join(unused)}: they are not used")


FORMAT = Format(
    "datasets",
    "datasets (Hugging Face)",
    layout=LAYOUT,
    detect=_detect,
    read=_read,
    aliases=("huggingface",),
)
