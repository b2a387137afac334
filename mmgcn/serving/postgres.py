"""Export of vectors into Postgres tables, to serve from your own database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extract.extras import install_command
from mmgcn.serving.export import ExportError, sides, text_blocks

if TYPE_CHECKING:
    import polars as pl
    import psycopg

    from mmgcn.run import Run

SCHEMES = ("postgresql", "postgres")
FORM = "postgresql://USER@HOST/DATABASE"


def write_tables(run: Run, url: str, *, prefix: str = "mmgcn") -> dict[str, int]:
    """Write the vectors of users and items into two tables, replacing those of an earlier export.

    `PREFIX_users` and `PREFIX_items` have the columns id (text, primary key) and vector, which has
    pgvector's type if the database has that extension, else text such as `[1.0,0.5]`, which
    pgvector reads. Both are replaced in one transaction, so readers see either the old run or the
    new one.

    Args:
        url: postgresql://USER@HOST/DATABASE.
        prefix: prefix of the tables' names.

    Returns:
        Number of rows by table.

    Raises:
        ExportError: the URL is not of Postgres, psycopg is not installed, or the server does not
            answer or refuses.
    """
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        given = f"a {scheme}: URL" if "://" in url else "no URL"  # it may contain a password
        raise ExportError(f"vectors go to Postgres, and this is {given}: expected {FORM}")
    try:
        import psycopg
        from psycopg import sql
    except ImportError as error:
        raise ExportError(
            f"writing to Postgres needs psycopg; install it with: {install_command('postgres')}"
        ) from error
    written = {}
    try:
        with psycopg.connect(url, connect_timeout=10) as connection, connection.cursor() as cursor:
            kind = sql.SQL(f"vector({run.user.shape[1]})" if _has_pgvector(connection) else "text")
            for side, (ids, matrix) in sides(run).items():
                name = f"{prefix}_{side}"
                table = sql.Identifier(name)
                cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
                cursor.execute(
                    sql.SQL("CREATE TABLE {} (id text PRIMARY KEY, vector {} NOT NULL)").format(
                        table, kind
                    )
                )
                with cursor.copy(sql.SQL("COPY {} (id, vector) FROM STDIN").format(table)) as copy:
                    for row in _rows(text_blocks(ids, matrix)):
                        copy.write_row(row)
                written[name] = len(ids)
    except psycopg.Error as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(f"Postgres refused the vectors: {lines[0]}") from error
    return written


def _has_pgvector(connection: psycopg.Connection) -> bool:
    """Return whether pgvector is installed, or could be; the transaction remains usable."""
    import psycopg

    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.Error:
        return False
    return True


def _rows(blocks: Iterator[pl.DataFrame]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        yield from block.iter_rows()
