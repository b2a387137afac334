"""Export of vectors to files for numpy, data frames and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap
from mmgcn.run import Run
from mmgcn.serving.table_file import write_errors_name, write_table

BLOCK_VALUES = 4_000_000  # values in memory at once: 16 MB, and their text
MAX_INDEXED_DIM = 2_000  # limit of pgvector's indexes
INDEX = "CREATE INDEX mmgcn_items_vector ON mmgcn_items USING hnsw (vector vector_ip_ops);\n"
NO_INDEX = "-- No index of the item vectors: pgvector indexes up to 2,000 dimensions.\n"
SQL = """\
-- Load the vectors into Postgres with pgvector: psql DATABASE -f load.sql, in this folder.
-- Tables of an earlier load are replaced, in one transaction.
\\set ON_ERROR_STOP on
BEGIN;
CREATE EXTENSION IF NOT EXISTS vector;
DROP TABLE IF EXISTS mmgcn_users, mmgcn_items;
CREATE TABLE mmgcn_users (id text PRIMARY KEY, vector vector({dim}) NOT NULL);
CREATE TABLE mmgcn_items (id text PRIMARY KEY, vector vector({dim}) NOT NULL);
\\copy mmgcn_users FROM 'users.pgvector.csv' WITH (FORMAT csv, HEADER)
\\copy mmgcn_items FROM 'items.pgvector.csv' WITH (FORMAT csv, HEADER)
{index}COMMIT;
-- The score is the inner product; pgvector's operator <#> is its negative. The ten best items of
-- one user, items already watched included:
--   SELECT i.id, -(i.vector <#> u.vector) AS score FROM mmgcn_users u, mmgcn_items i
--   WHERE u.id = '42' ORDER BY i.vector <#> u.vector LIMIT 10;
"""


class ExportError(ValueError):
    """Vectors that cannot be exported; the message says why and what to do."""


def export_vectors(run: Run, folder: Path) -> list[Path]:
    """Write the vectors of users and items with their ids, block by block.

    For users, and likewise for items, the files are `users.parquet` (id, vector), `users.npy`
    (vectors) with `users.txt` (ids, one per line), and `users.pgvector.csv` (id, and vector as text
    that is exact to the bit). `load.sql` loads the .csv files into Postgres.

    Returns:
        Paths of the files.

    Raises:
        ExportError: an id contains a line break, so `users.txt` would not match `users.npy`.
        OSError: a file cannot be written.
    """
    for ids, _ in sides(run).values():
        invalid = ids.ids.filter(ids.ids.str.contains("[\n\r]"))
        if len(invalid):
            raise ExportError(
                f"{ids.kind} {invalid[0]!r} contains a line break; exported ids are one per line"
            )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for side, (ids, matrix) in sides(run).items():
        paths = [
            folder / f"{side}{suffix}" for suffix in (".parquet", ".pgvector.csv", ".npy", ".txt")
        ]
        write_table(paths[0], _blocks(ids, matrix))
        write_table(paths[1], text_blocks(ids, matrix))
        with write_errors_name(paths[2]):
            np.save(paths[2], matrix)
        with write_errors_name(paths[3]):
            ids.ids.to_frame().write_csv(paths[3], include_header=False, quote_style="never")
        written += paths
    sql = folder / "load.sql"
    dim = run.user.shape[1]
    index = INDEX if dim <= MAX_INDEXED_DIM else NO_INDEX
    sql.write_text(SQL.format(dim=dim, index=index), encoding="utf-8")
    return [*written, sql]


def sides(run: Run) -> dict[str, tuple[IdMap, np.ndarray]]:
    """Return the ids and vectors of users and of items. Shapes: (U, d) and (I, d)."""
    return {"users": (run.users, np.asarray(run.user)), "items": (run.items, run.item)}


def text_blocks(ids: IdMap, matrix: np.ndarray) -> Iterator[pl.DataFrame]:
    """Yield tables of id and vector, with vectors as text for pgvector: [1.0,0.5]."""
    for block in _blocks(ids, matrix):
        width = block.schema["vector"].shape[0]  # type: ignore[attr-defined]
        texts = pl.col("vector").cast(pl.Array(pl.String, width)).arr.join(",")
        yield block.with_columns(pl.format("[{}]", texts).alias("vector"))


def _blocks(ids: IdMap, matrix: np.ndarray) -> Iterator[pl.DataFrame]:
    """Yield tables of id and vector."""
    size = max(1, BLOCK_VALUES // max(matrix.shape[1], 1))
    for start in range(0, len(matrix), size):
        rows = np.ascontiguousarray(matrix[start : start + size], dtype=np.float32)
        yield pl.DataFrame({"id": ids.ids.slice(start, len(rows)), "vector": rows})
