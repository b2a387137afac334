"""MovieLens: u.data, ratings.dat or ratings.csv, and titles as captions.

The releases 100K, 1M, 10M, 20M, 25M and latest are read.

Source: the README of each release at https://files.grouplens.org/datasets/movielens/.
"""

from __future__ import annotations

from pathlib import Path

from mmgcn.content import UNSPLIT, Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._tables import file_named, first_line, read_rows, read_table

POSITIONS = {"user": "1", "item": "2", "rating": "3", "time": "4"}
HEADER = {"user": "userId", "item": "movieId", "rating": "rating", "time": "timestamp"}
# Table of ratings -> its separator, its columns, the table of titles and its separator.
RELEASES = {
    "u.data": ("\t", POSITIONS, "u.item", "|"),
    "ratings.dat": ("::", POSITIONS, "movies.dat", "::"),
    "ratings.csv": (",", HEADER, "movies.csv", ","),
}
LIKED = 4  # number of stars from which most studies count an interaction
LAYOUT = "u.data with u.item, ratings.dat with movies.dat, or ratings.csv with movies.csv"


def _detect(path: Path) -> str | None:
    """Recognise a table of ratings by its name and first line."""
    ratings = file_named(path, RELEASES)
    if ratings is None:
        return None
    separator, columns, _, _ = RELEASES[ratings.name]
    fields = first_line(ratings).split(separator)
    fits = len(fields) == 4 and (columns is POSITIONS or set(HEADER.values()) == set(fields))
    return f"{ratings.name} with four columns" if fits else None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read ratings and titles."""
    ratings = file_named(path, RELEASES)
    if ratings is None:
        raise FormatError(f"{path} contains none of {', '.join(RELEASES)}")
    separator, columns, titles_name, titles_separator = RELEASES[ratings.name]
    content = Content(min_rating=LIKED)
    table = read_table(ratings, separator, header=columns is HEADER)
    content.add_part(UNSPLIT, table, source=ratings.name, **columns)
    titles = ratings.with_name(titles_name)
    if titles.is_file():
        rows = read_rows(titles, titles_separator)
        rows = rows[1:] if columns is HEADER else rows
        short = [row for row in rows if len(row) < 2]
        if short:
            raise FormatError(f"{titles} has a row without a title: {short[0][0]}")
        content.add_captions([r[0] for r in rows], [r[1] for r in rows], source=titles.name)
        content.dropped.append(f"the genres in {titles.name}: no model of mmgcn uses them")
    content.dropped += [
        f"{other.name}: no model of mmgcn uses it"
        for name in ("u.user", "users.dat", "tags.dat", "tags.csv")
        if (other := ratings.with_name(name)).is_file()
    ]
    return content


FORMAT = Format("movielens", "MovieLens", layout=LAYOUT, detect=_detect, read=_read)
