"""KuaiRec and KuaiRec 2.0: watch ratios of Kuaishou users, and captions.

Source: https://kuairec.com and the README of the data set.
"""

from __future__ import annotations

from pathlib import Path

from mmgcn.content import UNSPLIT, Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._tables import file_named, first_line, read_rows, read_table

TABLES = ("big_matrix.csv", "small_matrix.csv")
COLUMNS = {"user": "user_id", "item": "video_id", "time": "timestamp", "rating": "watch_ratio"}
CAPTIONS = "kuairec_caption_category.csv"
WATCHED = 1  # watch ratio of a video watched to the end
UNUSED = (
    "item_daily_features.csv",
    "item_categories.csv",
    "user_features.csv",
    "social_network.csv",
)
LAYOUT = "big_matrix.csv or small_matrix.csv, kuairec_caption_category.csv"


def _detect(path: Path) -> str | None:
    """Recognise a matrix by its columns."""
    file = file_named(path, TABLES)
    if file is not None and {"video_id", "watch_ratio"} <= set(first_line(file).split(",")):
        return f"{file.name} with watch ratios"
    return None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read the sparse matrix, or the dense matrix if it is the path, and captions."""
    file = file_named(path, TABLES)
    if file is None:
        raise FormatError(f"{path} contains neither {' nor '.join(TABLES)}")
    table = read_table(file, ",", header=True)
    columns = {role: name for role, name in COLUMNS.items() if name in table.columns}
    content = Content(min_rating=WATCHED)
    content.add_part(
        UNSPLIT, table, source=file.name, **(columns | {"user": "user_id", "item": "video_id"})
    )
    if path.is_dir() and (path / TABLES[1]).is_file() and file.name == TABLES[0]:
        content.dropped.append(
            f"{TABLES[1]}: it is for evaluation on users who saw all videos; import it by its own "
            "path"
        )
    captions = file.with_name(CAPTIONS)
    if captions.is_file():
        _add_captions(content, captions)
    content.dropped += [
        f"{name}: no model of mmgcn uses it" for name in UNUSED if file.with_name(name).is_file()
    ]
    return content


def _add_captions(content: Content, file: Path) -> None:
    """Add captions, or the text on the cover. Some rows of the published file are malformed."""
    header, *rows = read_rows(file, ",")
    if not {"video_id", "caption"} <= set(header):
        raise FormatError(f"{file} has no columns video_id and caption; it has: {header}")
    item, caption = header.index("video_id"), header.index("caption")
    cover = header.index("manual_cover_text") if "manual_cover_text" in header else caption
    valid = [row for row in rows if len(row) == len(header) and row[item].isdecimal()]
    if len(valid) < len(rows):
        content.dropped.append(
            f"{len(rows) - len(valid):,} of {len(rows):,} rows of {file.name}: they have another "
            "number of columns than the header, or no video"
        )
    texts = [
        next((text for text in (row[caption], row[cover]) if text not in ("", "UNKNOWN")), "")
        for row in valid
    ]
    content.add_captions([row[item] for row in valid], texts, source=file.name)


FORMAT = Format("kuairec", "KuaiRec", layout=LAYOUT, detect=_detect, read=_read)
