"""DataFolder: a data set as files that `mmgcn fit` reads."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import PARTS, UNSPLIT, Content, ContentError
from mmgcn.data.features import BLOCK_VALUES, FeatureTable

REPORT = "import.json"
CAPTIONS = "captions.csv"


@dataclass(frozen=True)
class DataFolder:
    """The written files, and commands that use them.

    Args:
        files: paths in the order in which they were written.
        commands: shell commands, one per line; the last ones train and recommend.
        notes: remarks for the user.
    """

    files: list[Path]
    commands: list[str]
    notes: list[str]


def write_data_folder(
    content: Content, folder: Path, *, source: dict[str, str], overwrite: bool = False
) -> DataFolder:
    """Write content as tables, .npy files with ids, and a report.

    The files are interactions.csv, or train.csv with valid.csv and test.csv; captions.csv; and for
    each modality NAME.npy with NAME.txt, one id per line. The report, `import.json`, is written
    last and records what was read and left out.

    Args:
        source: format and path, for the report.
        overwrite: whether to replace the files of an earlier import.

    Raises:
        ContentError: the folder contains an import and `overwrite` is False, or other files; an id
            contains a line break; or there is nothing to write.
        OSError: a file cannot be written.
    """
    if not (content.parts or content.features or content.captions is not None):
        raise ContentError(f"{source['path']} contains neither interactions nor features")
    check_folder(folder, overwrite=overwrite)
    _prepare(folder)
    files = []
    for part in (UNSPLIT, *PARTS):
        if part in content.parts:
            files.append(folder / f"{part}.csv")
            content.parts[part].write_csv(files[-1])
    if content.captions is not None:
        files.append(folder / CAPTIONS)
        content.captions.write_csv(files[-1])
    for table in content.features.values():
        files += _write_features(table, folder)
    notes, options = _coverage(content)
    commands = _commands(content, folder, options)
    report = {
        **source,
        "found": content.found,
        "dropped": content.dropped,
        "files": [path.name for path in files],
        "commands": commands,
    }
    files.append(folder / REPORT)
    files[-1].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return DataFolder(files, commands, notes)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with files, except those of an earlier import that are to be replaced.

    Raises:
        ContentError: the folder contains other files, or an import and `overwrite` is False.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / REPORT).is_file():
        raise ContentError(
            f"{folder} contains files that no import wrote; name another folder with `out`"
        )
    if not overwrite:
        raise ContentError(
            f"{folder} contains an earlier import; pass overwrite=True to replace its files, or "
            "name another folder with `out`"
        )


def _prepare(folder: Path) -> None:
    """Create the folder, and remove the files of an earlier import."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / REPORT
    if not report.is_file():
        return
    try:
        names = [str(name) for name in json.loads(report.read_text(encoding="utf-8"))["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ContentError(f"{report} is corrupt: {error}; remove {folder}") from error
    report.unlink()
    for name in names:
        (folder / Path(name).name).unlink(missing_ok=True)


def _write_features(table: FeatureTable, folder: Path) -> list[Path]:
    """Write NAME.npy in float32, block by block, and NAME.txt."""
    invalid = table.ids.filter(table.ids.str.contains("[\n\r]") | (table.ids == ""))
    if len(invalid):
        raise ContentError(
            f"the item {invalid[0]!r} of the {table.name} features is empty or contains a line "
            "break; the file of ids has one per line"
        )
    array, ids = folder / f"{table.name}.npy", folder / f"{table.name}.txt"
    rows, width = table.matrix.shape
    out = np.lib.format.open_memmap(array, mode="w+", dtype=np.float32, shape=(rows, width))
    step = max(1, BLOCK_VALUES // max(width, 1))
    for start in range(0, rows, step):
        out[start : start + step] = table.matrix[start : start + step]
    out.flush()
    del out
    lines = "".join(f"{item_id}\n" for item_id in table.ids)
    ids.write_text(lines, encoding="utf-8", newline="\n")
    return [array, ids]


def _coverage(content: Content) -> tuple[list[str], list[str]]:
    """Return notes on items without features, and the option of `fit` that masks them."""
    items, notes = content.items, []
    for table in content.features.values():
        covered = int(items.is_in(table.ids.implode()).sum())
        if covered < len(items):
            notes.append(
                f"{table.name} features cover {covered:,} of {len(items):,} items of the "
                "interactions; `fit --missing mask` masks the others"
            )
    return notes, ["--missing", "mask"] if notes else []


def _commands(content: Content, folder: Path, options: list[str]) -> list[str]:
    lines = []
    features = [
        f"{name}={folder / f'{name}.npy'},{folder / f'{name}.txt'}" for name in content.features
    ]
    captions = ["--captions", str(folder / CAPTIONS)] if content.captions is not None else []
    if content.videos is not None and not features:
        store = str(folder / "features")
        lines.append(["extract", str(content.videos), *captions, "--out", store])
        features, options = [store], ["--missing", "mask"]
    names = {UNSPLIT: "--interactions", "train": "--interactions", "valid": "--valid"}
    fit = ["fit"]
    for part in content.parts:
        fit += [names.get(part, "--test"), str(folder / f"{part}.csv")]
    if not content.parts:
        fit += ["--interactions", "interactions.csv"]
    for source in features:
        fit += ["--features", source]
    rated = [part for part in content.parts.values() if "rating" in part.columns]
    if content.min_rating is not None and rated:
        fit += ["--min-rating", f"{content.min_rating:g}"]
    lines.append([*fit, *options])
    if content.parts:
        lines.append(["recommend", "--user", _a_user(content), *captions])
    return [shlex.join(["mmgcn", *line]) for line in lines]


def _a_user(content: Content) -> str:
    """Return a user of the training part who keeps an interaction after `min_rating`."""
    table = next(iter(content.parts.values()))
    if content.min_rating is not None and "rating" in table.columns:
        rated = table.filter(pl.col("rating").cast(pl.Float64, strict=False) >= content.min_rating)
        table = rated if rated.height else table
    return str(table["user_id"][0])
