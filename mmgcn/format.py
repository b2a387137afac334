"""Format: the contract of a data set format, and FORMATS, the registry of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from extract.registry import Registry
from mmgcn.content import Content


class FormatError(ValueError):
    """Files that are not in the format, or cannot be read or written; the message says why."""


@dataclass(frozen=True)
class ImportOptions:
    """Permissions, and facts that the files may not contain."""

    allow_pickle: bool = False
    """Read pickles, in a separate process that can open no file and no connection, and constructs
    only arrays and sparse matrices."""
    num_users: int | None = None
    """Number of users, for files whose item ids start after the user ids (MMGCN) and do not
    contain the number."""


@dataclass(frozen=True)
class Written:
    """Files of an export.

    Args:
        files: paths, in the order in which they were written.
        usage: instructions for the other program, in lines.
        dropped: descriptions of what was left out, with reasons.
    """

    files: list[Path]
    usage: list[str]
    dropped: list[str]


@dataclass(frozen=True)
class Format:
    """The files in which a program or a data set stores interactions and features.

    Args:
        name: name in the registry.
        title: names of the programs or data sets, for display.
        layout: description of the files, in one line.
        detect: returns the evidence that a path has this format, or None. Reads only file names and
            first lines.
        read: returns the content of a folder or file. Raises FormatError if a file is missing or
            cannot be read, ContentError or FeatureError if its content cannot be used.
        aliases: other names in the registry.
    """

    name: str
    title: str
    layout: str
    detect: Callable[[Path], str | None]
    read: Callable[[Path, ImportOptions], Content]
    aliases: tuple[str, ...] = field(default=(), kw_only=True)


class Write(Protocol):
    """Writes content, and optionally ranked lists, into an existing folder."""

    def __call__(
        self, content: Content, folder: Path, *, name: str, lists: pl.DataFrame | None = None
    ) -> Written:
        """Return the files.

        Args:
            name: name of the data set, used in file names.
            lists: user_id, item_id, score and rank from 1, as `Recommender.recommend` returns.

        Raises:
            FormatError: the format cannot store the content.
        """


@dataclass(frozen=True)
class WritableFormat(Format):
    """A format that can also be written."""

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
