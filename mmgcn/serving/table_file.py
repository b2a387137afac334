"""Table files: writing of lists in blocks, reading of ids and captions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

SUFFIXES = (".parquet", ".csv", ".jsonl")
READ_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")


class TableError(ValueError):
    """A table that cannot be read or written; the message says why and what to do."""


def check_suffix(path: Path) -> None:
    """Check that `write_table` supports the suffix of a path.

    Raises:
        TableError: it does not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise TableError(f"{path} ends in none of {', '.join(SUFFIXES)}")


@contextmanager
def write_errors_name(path: Path) -> Iterator[None]:
    """Add the path to errors of writing, such as that of a full disk, which lacks one.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path, whose file replaces the given one on success. Creates the folder.

    Raises:
        OSError: the path is a folder, a device or a pipe.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a regular file; name another")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_table(path: Path, blocks: Iterator[pl.DataFrame]) -> int:
    """Write blocks of a table to .parquet, .csv or .jsonl, with one block in memory at a time.

    Until the file is complete, its name ends in .part.

    Returns:
        The number of rows.

    Raises:
        TableError: the suffix is not supported, or there is no block.
        OSError: the file cannot be written, such as on a full disk.
    """
    check_suffix(path)
    first = next(blocks, None)
    if first is None:
        raise TableError(f"there are no rows to write to {path}")
    counted = _Counted(first, blocks)
    with replacing(path) as partial:
        if path.suffix.lower() == ".parquet":
            _write_parquet(partial, counted, first.schema)
        else:
            _write_text(partial, counted)
    return counted.num_rows


class _Counted:
    """Iterator over blocks that counts rows and stores the error that stopped it."""

    def __init__(self, first: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> None:
        self._first, self._rest = first, rest
        self.num_rows = 0
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        try:
            block: pl.DataFrame | None = self._first
            while block is not None:
                self.num_rows += block.height
                yield block
                block = next(self._rest, None)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


def _write_text(path: Path, blocks: _Counted) -> None:
    """Write .csv.part or .jsonl.part, block by block."""
    final = path.with_suffix("")
    with path.open("wb") as file:
        for index, block in enumerate(blocks):
            with write_errors_name(final):
                if final.suffix.lower() == ".csv":
                    block.write_csv(file, include_header=index == 0)
                else:
                    block.write_ndjson(file)


def _write_parquet(path: Path, blocks: _Counted, schema: pl.Schema) -> None:
    """Stream the blocks into one Parquet file."""
    from polars.io.plugins import register_io_source

    try:
        register_io_source(lambda *_: iter(blocks), schema=schema).sink_parquet(path)
    except pl.exceptions.PolarsError as error:  # such as a full disk
        if blocks.error is not None:  # polars wraps it
            raise blocks.error from None
        raise OSError(f"{path.with_suffix('')} cannot be written: {error}") from error


def read_ids(path: Path, column: str) -> list[str]:
    """Return the ids in a file: one per line, or a column of a .csv, .tsv, .parquet or .jsonl.

    Raises:
        TableError: the file or the column does not exist, or contains no id.
    """
    if path.suffix.lower() in READ_SUFFIXES:
        lines = read_columns(path, [column])[column].drop_nulls().to_list()
    else:
        if not path.is_file():
            raise TableError(f"no file of ids at {path}")
        # Not splitlines, which splits at further characters that ids may contain.
        text = path.read_text(encoding="utf-8-sig")
        lines = [line.rstrip("\r") for line in text.split("\n")]
    ids = [line for line in lines if line]
    if not ids:
        raise TableError(f"{path} contains no ids")
    return ids


def column_names(path: Path) -> list[str]:
    """Return the column names of a table.

    Raises:
        TableError: the table does not exist or cannot be read.
    """
    with _explained(path):
        return _scan(path).collect_schema().names()


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Return columns of a table as text.

    Raises:
        TableError: the table cannot be read, or lacks a column.
    """
    names = column_names(path)
    absent = [name for name in columns if name not in names]
    if absent:
        raise TableError(
            f"{path} has no column {' and no column '.join(absent)}; it has: {', '.join(names)}"
        )
    with _explained(path):
        return _scan(path).select(pl.col(name).cast(pl.String) for name in columns).collect()


def _scan(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise TableError(f"no table at {path}")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        separator = "\t" if suffix == ".tsv" else ","
        return pl.scan_csv(path, infer_schema=False, separator=separator)
    if suffix == ".parquet":
        return pl.scan_parquet(path)
    if suffix == ".jsonl":
        return pl.scan_ndjson(path)
    raise TableError(f"{path} ends in none of {', '.join(READ_SUFFIXES)}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise TableError(f"{path} cannot be read as {path.suffix.lower()[1:]}: {first}") from error
