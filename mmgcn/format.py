"""The contract of a format of data sets, and FORMATS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from extract.registry import Registry
from mmgcn.content import Content


class FormatError(ValueError):
    """Files that are not of the format, or cannot be read or written; the message says why."""


@dataclass(frozen=True)
class ImportOptions:
    """What a format cannot find out by itself."""

    allow_pickle: bool = False
    """Read pickles, in a process of its own that can open no file and no connection, and builds
    arrays and sparse matrices only."""
    num_users: int | None = None
    """Number of users where items are numbered from there on (MMGCN) and the files leave it
    open."""


@dataclass(frozen=True)
class Written:
    """Files of an export.

    Args:
        files: paths, in the order in which they were written.
        usage: lines that say how the other program reads them.
        dropped: what was left out and why, a sentence each.
    """

    files: list[Path]
    usage: list[str]
    dropped: list[str]


@dataclass(frozen=True)
class Format:
    """How one program, or one data set, stores interactions and features.

    Args:
        name: its name in the registry.
        title: the programs or data sets, for people.
        layout: the files, in one line.
        detect: returns the evidence at a path that it is of this format, or None. Reads only names
            and first lines.
        read: returns the content of a folder or file. Raises FormatError if a file is missing or
            cannot be read, ContentError or FeatureError if its content cannot be used.
        aliases: other names.
    """

    name: str
    title: str
    layout: str
    detect: Callable[[Path], str | None]
    read: Callable[[Path, ImportOptions], Content]
    aliases: tuple[str, ...] = field(default=(), kw_only=True)


class Write(Protocol):
    """Writes content, and perhaps ranked lists, into an existing folder."""

    def __call__(
        self, content: Content, folder: Path, *, name: str, lists: pl.DataFrame | None = None
    ) -> Written:
        """Return the files.

        Args:
            name: of the data set, for names of files.
            lists: user_id, item_id, score and rank from 1, as `Recommender.recommend` returns.

        Raises:
            FormatError: the format cannot contain it.
        """


@dataclass(frozen=True)
class WritableFormat(Format):
    """A format that an export can write, too."""

    write: Write


FORMATS: Registry[Format] = Registry(
    "format", package="mmgcn.formats", group="mmgcn.formats", base=Format
)


def detect(path: Path) -> dict[str, str]:
    """Return the formats that recognise a folder or file, each with its evidence.

    Raises:
        FormatError: there is nothing at the path.
    """
    if not path.exists():
        raise FormatError(f"there is no file and no folder {path}")
    found = {name: FORMATS.get(name).detect(path) for name in FORMATS.names()}
    return {name: evidence for name, evidence in found.items() if evidence is not None}
