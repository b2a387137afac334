"""RecTools: a table of user_id, item_id, weight and datetime, and features in the flat form.

Source: https://github.com/MobileTeleSystems/RecTools, rectools/columns.py and
`SparseFeatures.from_flatten` (a row of id, feature, value).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import UNSPLIT, Content
from mmgcn.data.times import UNIT_BOUNDS
from mmgcn.format import FormatError, ImportOptions, WritableFormat, Written
from mmgcn.formats._modality import plain_name
from mmgcn.formats._tables import files_in, first_line, part_files, read_table

# Part -> stem of its table. RecTools prescribes no file names; its tutorials and `mmgcn export` use
# these.
STEMS = {UNSPLIT: "interactions", "train": "train", "valid": "valid", "test": "test"}
SUFFIXES = (".parquet", ".csv")
COLUMNS = ("user_id", "item_id", "weight", "datetime")
VECTORS = "_item_features.parquet"  # one row per item: id, then numbers
FEATURES = ("item_features.parquet", "item_features.csv")
FLAT = ("id", "feature", "value")
MAX_FEATURES = 10_000  # maximum number of columns of the matrix from a flat table
LAYOUT = "interactions.csv or .parquet: user_id, item_id, weight, datetime; item_features.csv"


def _detect(path: Path) -> str | None:
    """Recognise a table by its four columns."""
    for file in _tables(path).values():
        if set(COLUMNS) <= set(_names(file)):
            return f"{file.name} with {', '.join(COLUMNS)}"
    return None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read the interactions, and features as one vector per item."""
    tables = _tables(path)
    if not tables:
        raise FormatError(f"{path} contains no interactions.csv and no interactions.parquet")
    if "train" in tables:
        tables.pop(UNSPLIT, None)
    content = Content()
    for part, file in tables.items():
        table = _read_file(file)
        time = "datetime" if "datetime" in table.columns else None
        weight = "weight" if "weight" in table.columns else None
        ids = {"user": "user_id", "item": "item_id"}
        content.add_part(part, table, source=file.name, **ids, time=time, rating=weight)
    folder = next(iter(tables.values())).parent
    for name in FEATURES:
        if (folder / name).is_file():
            _add_flat(content, folder / name)
    for file in files_in(folder, f"*{VECTORS}"):
        wide = _read_file(file)
        name = file.name.removesuffix(VECTORS)
        content.add_features(
            name, wide["id"].cast(pl.String), wide.drop("id").to_numpy(), source=file.name
        )
    return content


def _write(
    content: Content,
    folder: Path,
    *,
    name: str,  # noqa: ARG001  # RecTools has no names of files
    lists: pl.DataFrame | None = None,
) -> Written:
    """Write one table per part, the features with ids, and lists."""
    files: list[Path] = []
    dropped: list[str] = []
    usage = ["in Python, with pandas as pd:"]
    for part, stem in STEMS.items():
        if part in content.parts:
            files.append(folder / f"{stem}.parquet")
            table = _for_rectools(content.parts[part])
            table.write_parquet(files[-1])
            if "timestamp" not in content.parts[part].columns:
                dropped.append(f"times of {stem}: there are none, datetime is 1970-01-01")
    if not files:
        raise FormatError("there are no interactions to write")
    for modality, vectors in content.features.items():
        width = vectors.matrix.shape[1]
        wide = pl.DataFrame(
            np.asarray(vectors.matrix, np.float32),
            schema=[f"{modality}_{column}" for column in range(width)],
            orient="row",
        )
        files.append(folder / f"{plain_name(modality)}{VECTORS}")
        wide.insert_column(0, vectors.ids.alias("id")).write_parquet(files[-1])
        usage.append(f"  features = pd.read_parquet('{files[-1].name}')")
    features = "item_features_df=features, make_dense_item_features=True"
    usage.append(
        f"  Dataset.construct(pd.read_parquet('{files[0].name}')"
        + (f", {features})" if content.features else ")")
    )
    if lists is not None:
        files.append(folder / "recommendations.parquet")
        lists.select("user_id", "item_id", "score", "rank").write_parquet(files[-1])
        usage.append(f"  calc_metrics(metrics, pd.read_parquet('{files[-1].name}'), ...)")
    return Written(files, usage, dropped)


def _tables(path: Path) -> dict[str, Path]:
    """Return the tables of interactions at a path, by part."""
    if path.is_file():
        return {UNSPLIT: path} if path.suffix in SUFFIXES else {}
    names = {part: tuple(f"{stem}{suffix}" for suffix in SUFFIXES) for part, stem in STEMS.items()}
    return part_files(path, names)


def _names(file: Path) -> list[str]:
    """Return the column names; empty if the file is not a table."""
    if file.suffix == ".csv":
        return first_line(file).split(",")
    try:
        return list(pl.read_parquet_schema(file))
    except (pl.exceptions.PolarsError, OSError):
        return []


def _read_file(file: Path) -> pl.DataFrame:
    if file.suffix == ".csv":
        return read_table(file, ",", header=True)
    try:
        return pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FormatError(f"{file} is not Parquet: {str(error).splitlines()[0]}") from error


def _for_rectools(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with RecTools' columns: weight 1 without ratings, 1970 without times."""
    weight = pl.col("rating").cast(pl.Float64) if "rating" in table.columns else pl.lit(1.0)
    time = pl.col("timestamp") if "timestamp" in table.columns else pl.lit(0)
    table = table.select("user_id", "item_id", weight.alias("weight"), time.alias("datetime"))
    latest = float(table["datetime"].max() or 0)  # type: ignore[arg-type]
    # Seconds, milliseconds and so on since 1970, as microseconds.
    scale = next(
        (10.0 ** (6 - 3 * n) for n, bound in enumerate(UNIT_BOUNDS[1:]) if latest < bound), 1e-3
    )
    moment = (pl.col("datetime").cast(pl.Float64) * scale).cast(pl.Int64)
    return table.with_columns(pl.from_epoch(moment, time_unit="us").alias("datetime"))


def _add_flat(content: Content, file: Path) -> None:
    """Add a flat table as one vector per item, with numbers unchanged and words as 0 or 1."""
    table = _read_file(file)
    if not set(FLAT) <= set(table.columns):
        raise FormatError(f"{file} has no columns id, feature and value; it has: {table.columns}")
    table = table.select(pl.col(FLAT).cast(pl.String)).drop_nulls()
    number = pl.col("value").cast(pl.Float64, strict=False)
    numeric = number.is_not_null().all().over("feature")
    table = table.with_columns(
        pl.when(numeric)
        .then("feature")
        .otherwise(pl.format("{}={}", "feature", "value"))
        .alias("f"),
        pl.when(numeric).then(number).otherwise(1.0).alias("v"),
    )
    names = table["f"].unique(maintain_order=True)
    if len(names) > MAX_FEATURES:
        raise FormatError(
            f"{file} has {len(names):,} different features; at most {MAX_FEATURES:,} are read: "
            "encode them as vectors first"
        )
    ids = table["id"].unique(maintain_order=True)
    matrix = np.zeros((len(ids), len(names)), dtype=np.float32)
    rows = table.select(
        pl.col("id").replace_strict(ids, pl.int_range(len(ids), eager=True)).alias("row"),
        pl.col("f").replace_strict(names, pl.int_range(len(names), eager=True)).alias("column"),
    )
    matrix[rows["row"].to_numpy(), rows["column"].to_numpy()] = table["v"].to_numpy()
    content.add_features("item_features", ids, matrix, source=file.name)


FORMAT = WritableFormat(
    "rectools", "RecTools", layout=LAYOUT, detect=_detect, read=_read, write=_write
)
