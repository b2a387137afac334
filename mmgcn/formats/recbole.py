"""RecBole: atomic files, tables whose header contains the types of the columns.

Source: https://recbole.io/docs/user_guide/data/atomic_files.html and additional feature files of
https://github.com/RUCAIBox/RecBole (`additional_feat_suffix`, `preload_weight`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.content import PARTS, UNSPLIT, Content
from mmgcn.format import FormatError, ImportOptions, WritableFormat, Written
from mmgcn.formats._modality import plain_name
from mmgcn.formats._tables import files_in, first_line, read_table

TYPES = ("token", "token_seq", "float", "float_seq")
CAPTION_WORDS = ("caption", "title", "name")
BENCHMARK = {"train": ".train.inter", "valid": ".valid.inter", "test": ".test.inter"}
LAYOUT = "NAME.inter, or NAME.train.inter and siblings, with NAME.item"


def _detect(path: Path) -> str | None:
    """Recognise an .inter file by the types in its header."""
    for file in files_in(path, "*.inter"):
        fields = first_line(file).split("\t")
        if all(field.partition(":")[2] in TYPES for field in fields):
            return f"{file.name} with types in its header"
    return None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read interactions, captions of the items, and columns of numbers as features."""
    folder = path if path.is_dir() else path.parent
    content = Content()
    benchmark = {
        part: file
        for part, suffix in BENCHMARK.items()
        for file in files_in(folder, f"*{suffix}")[:1]
        if path.is_dir()
    }
    unsplit = [
        file
        for file in files_in(path, "*.inter")
        if not any(file.name.endswith(suffix) for suffix in BENCHMARK.values()) or path.is_file()
    ]
    if "train" in benchmark:
        for part, file in benchmark.items():
            _add_part(content, part, file)
        content.dropped += [f"{file.name}: the parts are read" for file in unsplit]
    elif len(unsplit) == 1:
        _add_part(content, UNSPLIT, unsplit[0])
    else:
        raise FormatError(
            f"{folder} contains {len(unsplit)} files .inter; name one of them as the path"
            if unsplit
            else f"{folder} contains no .inter"
        )
    _add_items(content, folder)
    for file in files_in(folder, "*.user", "*.kg", "*.link", "*.net"):
        content.dropped.append(f"{file.name}: no model of mmgcn uses it")
    return content


def _write(
    content: Content, folder: Path, *, name: str, lists: pl.DataFrame | None = None
) -> Written:
    """Write NAME.inter or one file per part, NAME.item, and one file per modality."""
    files, dropped = [], []
    for part in (UNSPLIT, *PARTS):
        if part in content.parts:
            table = content.parts[part]
            typed = {
                column: f"{column}:{'token' if column.endswith('_id') else 'float'}"
                for column in table.columns
            }
            files.append(folder / f"{name}{BENCHMARK.get(part, '.inter')}")
            _write_table(table.rename(typed), files[-1])
    if not files:
        raise FormatError("there are no interactions to write")
    if content.captions is not None:
        typed = {"item_id": "item_id:token", "caption": "caption:token_seq"}
        files.append(folder / f"{name}.item")
        _write_table(content.captions.rename(typed), files[-1])
    for modality, features in content.features.items():
        plain = plain_name(modality)
        files.append(folder / f"{name}.{plain}")
        vectors = [" ".join(map(repr, row)) for row in features.matrix.astype(float).tolist()]
        columns = {f"{plain}_id:token": features.ids, f"{plain}_vector:float_seq": vectors}
        _write_table(pl.DataFrame(columns), files[-1])
    if lists is not None:
        dropped.append("the lists: RecBole has no file for them")
    return Written(files, _usage(content, name), dropped)


def _add_part(content: Content, part: str, file: Path) -> None:
    table = read_table(file, "\t", header=True)
    user = next((name for name in ("user_id", "session_id") if name in table.columns), "user_id")
    optional = {
        role: name
        for role, name in (("time", "timestamp"), ("rating", "rating"))
        if name in table.columns
    }
    sequence = [name for name in table.columns if name.endswith("_list")]
    if sequence:
        raise FormatError(
            f"{file} has sequences in {sequence[0]}, for sequential models; import the .inter with "
            "one item per row"
        )
    content.add_part(part, table, source=file.name, user=user, item="item_id", **optional)
    unused = [name for name in table.columns if name not in (user, "item_id", *optional.values())]
    if unused:
        content.dropped.append(f"columns {', '.join(unused)} of {file.name}: they are not used")


def _add_items(content: Content, folder: Path) -> None:
    """Add captions from .item, and number lists in any file of items as features."""
    known = (".inter", ".user", ".kg", ".link", ".net")
    for file in files_in(folder, "*.*"):
        fields = [field.partition(":") for field in first_line(file).split("\t")]
        types = {name: kind for name, _, kind in fields}
        if file.suffix in known or not all(kind in TYPES for kind in types.values()):
            continue
        ids = next((name for name, kind in types.items() if kind == "token"), None)
        if ids is None:
            continue
        table = read_table(file, "\t", header=True)
        used = {ids}
        for name, kind in types.items():
            if kind == "float_seq":
                modality = plain_name(name.removesuffix("_vector").removesuffix("_emb"))
                matrix = _vectors(table[name], file, name)
                content.add_features(modality, table[ids], matrix, source=f"{file.name}, {name}")
                used.add(name)
        captions = [
            name
            for word in CAPTION_WORDS
            for name, kind in types.items()
            if word in name.lower() and kind.startswith("token") and name != ids
        ]
        if captions and content.captions is None:
            content.add_captions(
                table[ids].to_list(),
                table[captions[0]].to_list(),
                source=f"{file.name}, {captions[0]}",
            )
            used.add(captions[0])
        unused = [name for name in table.columns if name not in used]
        if unused:
            content.dropped.append(f"columns {', '.join(unused)} of {file.name}: they are not used")


def _vectors(column: pl.Series, file: Path, name: str) -> np.ndarray:
    """Return the numbers of each row. Shapes: (N, D) float64."""
    rows = [np.array((text or "").split(), dtype=np.float64) for text in column]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise FormatError(
            f"the rows of {name} in {file} have {min(widths)} to {max(widths)} numbers; all must "
            "have the same number"
        )
    return np.stack(rows)


def _write_table(table: pl.DataFrame, file: Path) -> None:
    """Write a table separated by tabs, whose texts must not contain tabs or line breaks."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    for name in texts:
        invalid = table.filter(pl.col(name).str.contains("[\t\n\r]"))
        if invalid.height and name.startswith("caption"):
            table = table.with_columns(pl.col(name).str.replace_all(r"\s+", " "))
        elif invalid.height:
            raise FormatError(
                f"{name.partition(':')[0]} {invalid[name][0]!r} contains a tab or a line break, "
                "which separate the fields of an atomic file"
            )
    table.write_csv(file, separator="\t", quote_style="never")


def _usage(content: Content, name: str) -> list[str]:
    """Return the configuration of RecBole for the written files."""
    columns = next(iter(content.parts.values())).columns
    lines = [f"copy the folder to dataset/{name} of RecBole; its configuration:"]
    lines.append(f"  load_col: {{inter: [{', '.join(columns)}]}}")
    if UNSPLIT not in content.parts:
        parts = ", ".join(part for part in PARTS if part in content.parts)
        lines.append(f"  benchmark_filename: [{parts}]")
    names = [plain_name(modality) for modality in content.features]
    if names:
        lines[1] = lines[1][:-1] + "".join(f", {n}: [{n}_id, {n}_vector]" for n in names) + "}"
        lines.append(f"  additional_feat_suffix: [{', '.join(names)}]")
        lines.append(f"  alias_of_item_id: [{', '.join(f'{n}_id' for n in names)}]")
        weights = ", ".join(f"{n}_id: {n}_vector" for n in names)
        lines.append(f"  preload_weight: {{{weights}}}")
    return lines


FORMAT = WritableFormat(
    "recbole", "RecBole", layout=LAYOUT, detect=_detect, read=_read, write=_write
)
