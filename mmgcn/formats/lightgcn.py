"""LightGCN and NGCF: one line `user item item ...` per user.

Source: the data folders of https://github.com/gusye1234/LightGCN-PyTorch.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmgcn.content import Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._tables import first_line, part_files
from mmgcn.formats._user_lists import empty_lists, read_user_lines

FILES = {"train": ("train.txt",), "valid": ("valid.txt", "val.txt"), "test": ("test.txt",)}
LINE = re.compile(r"\d+( \d+)*\s*")
LAYOUT = "train.txt and test.txt with lines `user item item ...`"


def _detect(path: Path) -> str | None:
    """Recognise train.txt by its first line."""
    train = path / "train.txt" if path.is_dir() else path
    if train.name == "train.txt" and LINE.fullmatch(first_line(train)):
        return "train.txt with a user and items in each line"
    return None


def _read(path: Path, options: ImportOptions) -> Content:  # noqa: ARG001
    """Read the lists of each part."""
    folder = path if path.is_dir() else path.parent
    content = Content()
    for part, file in part_files(folder, FILES).items():
        table, empty = read_user_lines(file)
        content.dropped += empty_lists(empty, file.name)
        content.add_part(part, table, source=file.name, user="user_id", item="item_id")
    if "train" not in content.parts:
        raise FormatError(f"{folder} contains no train.txt")
    for name in ("user_list.txt", "item_list.txt"):
        if (folder / name).is_file():
            content.dropped.append(f"{name}: ids stay the numbers of the lists")
    return content


FORMAT = Format(
    "lightgcn", "LightGCN, NGCF, KGAT", layout=LAYOUT, detect=_detect, read=_read, aliases=("ngcf",)
)
