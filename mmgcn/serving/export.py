"""Writing recommendations and vectors for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmgcn.run import Run

SUFFIXES = (".parquet", ".csv", ".jsonl")


def write_table(path: Path, blocks: Iterator[pl.DataFrame]) -> int:
    """Write blocks of a table to .parquet, .csv or .jsonl, one in memory at a time.

    The file appears when it is whole; until then its name ends in .part.

    Returns:
        The number of rows.

    Raises:
        ValueError: another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} ends in none of {', '.join(SUFFIXES)}")
    partial = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    num_rows = 0
    try:
        if path.suffix == ".parquet":
            num_rows = _write_parquet(partial, blocks)
        else:
            with partial.open("wb") as file:
                for block in blocks:
                    if path.suffix == ".csv":
                        block.write_csv(file, include_header=num_rows == 0)
                    else:
                        block.write_ndjson(file)
                    num_rows += block.height
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return num_rows


def _write_parquet(path: Path, blocks: Iterator[pl.DataFrame]) -> int:
    """Let polars stream the blocks into one file, a row group each."""
    first = next(blocks, None)
    if first is None:
        raise ValueError("there is nothing to write")
    count = first.height

    def rest(*_: Any) -> Iterator[pl.DataFrame]:
        nonlocal count
        yield first
        for block in blocks:
            count += block.height
            yield block

    from polars.io.plugins import register_io_source

    register_io_source(rest, schema=first.schema).sink_parquet(path)
    return count


def export_vectors(run: Run, folder: Path) -> list[Path]:
    """Write the vectors of users and items with their ids.

    For each side: `users.parquet` (id, vector), `users.npy` (rows) with `users.txt` (ids), and
    `users.pgvector.csv` (id, vector as text) for `\\copy users from ... csv header` into a table
    with a column of pgvector's type `vector`.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for side, ids, matrix in (
        ("users", run.users.ids, run.user),
        ("items", run.items.ids, run.item),
    ):
        vectors = np.ascontiguousarray(matrix, dtype=np.float32)
        table = pl.DataFrame({"id": ids, "vector": vectors})
        paths = [
            folder / f"{side}{suffix}" for suffix in (".parquet", ".npy", ".txt", ".pgvector.csv")
        ]
        table.write_parquet(paths[0])
        np.save(paths[1], vectors)
        paths[2].write_text("".join(f"{item}\n" for item in ids), encoding="utf-8")
        texts = ["[" + ",".join(f"{value:.7g}" for value in row) + "]" for row in vectors]
        pl.DataFrame({"id": ids, "vector": texts}).write_csv(paths[3])
        written += paths
    return written
