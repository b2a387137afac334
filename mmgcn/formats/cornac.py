"""Cornac: tables of user, item, rating and optionally time, without a header (UIR and UIRT).

Source: https://github.com/PreferredAI/cornac, cornac/data/reader.py.
"""

from __future__ import annotations

from pathlib import Path

from mmgcn.content import UNSPLIT, Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._tables import first_line, only_file, read_table

SUFFIXES = (".txt", ".csv", ".tsv", ".uir", ".uirt")
SEPARATORS = ("\t", ",", "::", " ")
ROLES = ("user", "item", "rating", "time")
# Tables without a header in other formats.
OTHERS = ("u.data", "ratings.dat", "dataset.tsv", "train.tsv", "val.tsv", "test.tsv", "train.txt")
LAYOUT = "FILE.txt, FILE.csv or FILE.tsv: user, item, rating, optionally time"


def _detect(path: Path) -> str | None:
    """Recognise a file by the numbers in the third and fourth field of its first line."""
    known = path.name in OTHERS or path.suffix not in SUFFIXES
    if not path.is_file() or known or _separator(first_line(path)) is None:
        return None
    return f"{path.name} with user, item and rating, without a header"


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read the table."""
    file = only_file(path, *(f"*{suffix}" for suffix in SUFFIXES))
    separator = None if file is None else _separator(first_line(file))
    if file is None or separator is None:
        raise FormatError(
            f"{path} contains no table of user, item, rating and optionally time, without a header"
        )
    table = read_table(file, separator, header=False)
    content = Content()
    columns = {role: str(n) for n, role in enumerate(ROLES[: table.width], 1)}
    content.add_part(UNSPLIT, table, source=file.name, **columns)
    return content


def _separator(line: str) -> str | None:
    """Return the separator that gives a line three or four fields, numbers from the third on.

    >>> _separator("a,b,4.5"), _separator("user,item,rating")
    (',', None)
    """
    for separator in SEPARATORS:
        fields = line.split(separator)
        if len(fields) in (3, 4):
            try:
                [float(field) for field in fields[2:]]
            except ValueError:
                return None
            return separator
    return None


FORMAT = Format("cornac", "Cornac", layout=LAYOUT, detect=_detect, read=_read)
