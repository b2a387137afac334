"""FeatureTable: one vector per item, from the feature store or a .npy file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from extract.store import FeatureStore
from mmgcn.data.ids import IdMap, as_texts, examples

BLOCK_VALUES = 4_000_000  # values of a matrix in memory at once: 16 MB


class FeatureError(ValueError):
    """Features that cannot be used; the message says why and what to do."""


class FeatureTable:
    """One vector per item id.

    Args:
        name: name of the modality.
        ids: ids of the rows.
        matrix: one vector per row, of any numeric type; may be memory-mapped, since it is read in
            blocks.
        known: ids that were extracted, including those without a vector (no audio, no caption, a
            broken file). By default those of the rows.
        source: encoder, digest and width, for the run's configuration.
        rows_from: id of the first row if ids are row numbers; None if they were given.

    Shapes:
        ids: (N,); matrix: (N, D), or (N,) for one number per item.

    Raises:
        FeatureError: values are not numbers, not finite, or all zero; an id occurs twice; or the
            numbers of ids and rows differ.
    """

    def __init__(
        self,
        name: str,
        ids: Sequence[str] | pl.Series,
        matrix: np.ndarray,
        known: Iterable[str] | None = None,
        source: Mapping[str, str | int] | None = None,
        *,
        rows_from: int | None = None,
    ) -> None:
        self.rows_from = rows_from
        if matrix.ndim == 1:
            matrix = matrix[:, None]  # (N,) -> (N, 1), such as prices
        if matrix.ndim != 2 or matrix.dtype.kind not in "fiub":
            raise FeatureError(
                f"{name} features are {matrix.shape} of {matrix.dtype}; they must be (N, D) numbers"
            )
        if len(ids) != len(matrix):
            raise FeatureError(
                f"there are {len(ids):,} ids for the {len(matrix):,} rows of {name} features"
            )
        try:
            self._rows = IdMap(ids, kind="item")
        except ValueError as error:
            raise FeatureError(f"{name} features: {error}") from error
        self.name, self.matrix, self.source = name, matrix, dict(source or {})
        self.known = self._rows if known is None else self._rows.joined(list(known))
        bad = [row for start, block in self._blocks() for row in start + _not_finite(block)]
        if bad:
            raise FeatureError(
                f"{len(bad):,} of {len(matrix):,} rows of {name} features are not finite, such as "
                f"those of {examples(self.ids.gather(bad[:4]))}; leave those items out of the table"
            )
        if len(matrix) > 1 and not any(block.any() for _, block in self._blocks()):
            raise FeatureError(
                f"{name} features are zero for all {len(matrix):,} items; extract or export them "
                "again, or leave the modality out"
            )

    @property
    def ids(self) -> pl.Series:
        """Ids of the rows. Shapes: (N,)."""
        return self._rows.ids

    def aligned(self, items: IdMap) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors in the order of `items`, joined by id, and the mask of present items.

        Shapes:
            the result: (I, D) float32, zero for absent items, and (I,) bool.
        """
        rows = self.find(items)
        present = rows >= 0
        values = np.zeros((len(items), self.matrix.shape[1]), dtype=np.float32)
        found = np.flatnonzero(present)
        step = max(1, BLOCK_VALUES // max(values.shape[1], 1))
        for start in range(0, len(found), step):
            block = found[start : start + step]
            values[block] = self.matrix[rows[block]]
        return values, present

    def find(self, items: IdMap) -> np.ndarray:
        """Return the row of each item, -1 for absent items. Shapes: the result: (I,) int64."""
        return self._rows.get(items.ids)

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        step = max(1, BLOCK_VALUES // max(self.matrix.shape[1], 1))
        for start in range(0, len(self.matrix), step):
            yield start, self.matrix[start : start + step]


def _not_finite(block: np.ndarray) -> np.ndarray:
    """Return the rows with a value that is not finite in float32. Shapes: block: (N, D)."""
    with np.errstate(over="ignore"):
        return np.flatnonzero(~np.isfinite(block.astype(np.float32)).all(axis=1))


def open_store(root: Path) -> FeatureStore:
    """Return the feature store at a path.

    Raises:
        FeatureError: `root` is a file.
    """
    if root.is_file():
        raise FeatureError(f"{root} is a file; name its modality: `features` NAME={root}")
    return FeatureStore(root)


def from_store(root: Path) -> list[FeatureTable]:
    """Return the current features of every modality in a store.

    Raises:
        FeatureError: the store is empty, or `root` is a file.
    """
    store = open_store(root)
    tables = []
    for modality in store.modalities():
        features = store.feature_set(modality)
        ids, matrix = features.pooled()
        source = {
            "encoder": features.manifest["encoder"],
            "digest": features.digest,
            "dim": int(matrix.shape[1]),
            "store": str(root.absolute()),
        }
        tables.append(FeatureTable(modality, ids, matrix, features.records, source))
    if not tables:
        raise FeatureError(f"{root} contains no features; extract some with: mmgcn extract VIDEOS")
    return tables


def from_file(text: str, *, first_id: int = 0) -> FeatureTable:
    """Return the table of `NAME=FILE.npy` or `NAME=FILE.npy,IDS.txt`.

    IDS.txt contains the id of each row, one per line. Without it, row i is item `i + first_id`.

    Raises:
        FeatureError: no such file, or see `FeatureTable`.
    """
    name, _, paths = text.partition("=")
    file, _, id_file = paths.partition(",")
    if not (name and file):
        raise FeatureError(
            f"`features` are folders or NAME=FILE.npy[,IDS.txt], and '{text}' is neither"
        )
    path = Path(file)
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise FeatureError(f"no features at {path}") from error
    except (ValueError, EOFError, OSError) as error:
        # numpy takes any other file for a pickle, and recommends trusting it.
        reason = "" if "pickle" in str(error) else f": {error}"
        raise FeatureError(f"{path} is not a .npy file of numbers{reason}") from error
    if not isinstance(matrix, np.ndarray) or matrix.ndim == 0:
        raise FeatureError(f"{path} is not a .npy file of one table, (N, D) or (N,)")
    ids = _read_ids(Path(id_file)) if id_file else _row_numbers(len(matrix), first_id)
    digest = hashlib.blake2b(digest_size=6)
    for source in [path, *([Path(id_file)] if id_file else [])]:
        with source.open("rb") as file_:
            while chunk := file_.read(1 << 20):
                digest.update(chunk)
    try:
        table = FeatureTable(name, ids, matrix, rows_from=None if id_file else first_id)
    except FeatureError as error:
        raise FeatureError(f"{paths}: {error}") from error
    table.source = {
        "encoder": str(path),
        "digest": digest.hexdigest(),
        "dim": int(table.matrix.shape[1]),
    }
    return table


def _row_numbers(num_rows: int, first_id: int) -> pl.Series:
    return pl.int_range(first_id, first_id + num_rows, eager=True).cast(pl.String)


def _read_ids(path: Path) -> pl.Series:
    """Return the lines of a text file."""
    try:
        lines = pl.read_csv(
            path,
            has_header=False,
            new_columns=["id"],
            separator="\x01",  # in no line, so that a line is one value
            quote_char=None,
            infer_schema=False,
        )
    except FileNotFoundError as error:
        raise FeatureError(f"no file of ids at {path}") from error
    except pl.exceptions.NoDataError:
        return as_texts([])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FeatureError(f"{path} contains no ids: {str(error).splitlines()[0]}") from error
    if lines["id"].null_count():
        line = int(lines["id"].is_null().arg_max() or 0) + 1
        raise FeatureError(f"line {line:,} of {path} is empty; it has one id per line")
    return lines["id"]


def read_features(sources: Sequence[str], *, first_id: int = 0) -> list[FeatureTable]:
    """Return the tables of feature stores and of NAME=FILE.npy[,IDS.txt], which may be mixed.

    Raises:
        FeatureError: a source cannot be used, or two tables have the same name.
    """
    tables: list[FeatureTable] = []
    for source in sources:
        if "=" in source:
            tables.append(from_file(source, first_id=first_id))
        else:
            tables += from_store(Path(source))
    names = [table.name for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise FeatureError(f"two `features` have the name '{name}'; rename one of them")
    return tables
