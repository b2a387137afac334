"""Export of a feature set: one table of vectors, or of rows, with the ids of the items."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.store.feature_set import FeatureSet
from extract.store.files import StoreError, explain_write_errors, write_atomically
from extract.store.npy import npy_stream

SUFFIXES = (".npy", ".parquet")


def export(features: FeatureSet, path: Path) -> list[Path]:
    """Write one vector per item: NAME.npy and the ids as NAME.txt, or one Parquet table.

    `mmgcn fit --features MODALITY=NAME.npy,NAME.txt` reads the first. The second has the columns
    `item_id` and `vector`.

    Args:
        features: the set.
        path: the file, whose suffix is .npy or .parquet.

    Returns:
        The files that were written.

    Raises:
        StoreError: another suffix, the rows of an item are damaged, an id cannot be a line of text
            or a value of the table, or the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise StoreError(f"{path} ends in neither {' nor '.join(SUFFIXES)}; name a file that does")
    ids, vectors = features.pooled()
    lines = "".join(f"{item_id}\n" for item_id in ids)
    if path.suffix == ".npy" and lines.splitlines() != ids:
        raise StoreError("an id contains a line break or is empty; export to a .parquet file")
    try:
        text = lines.encode()
    except UnicodeEncodeError as error:
        raise StoreError(f"the id {error.object[error.start - 1 :][:40]!r} is not UTF-8") from error
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            write_atomically(path, npy_stream(vectors, (len(ids), vectors.shape[1])))
            write_atomically(path.with_suffix(".txt"), text)
            return [path, path.with_suffix(".txt")]
        _write_parquet(path, ids, vectors)
        return [path]


def _write_parquet(path: Path, ids: list[str], vectors: np.ndarray) -> None:
    """Write a table of (N,) ids and (N, D) vectors."""
    import polars as pl

    width = vectors.shape[1]
    table = pl.DataFrame(
        {"item_id": ids, "vector": np.ascontiguousarray(vectors)},
        schema={"item_id": pl.String, "vector": pl.Array(pl.Float32, width)},
    )
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        table.write_parquet(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
