"""Text of a project file for the content of a folder."""

from __future__ import annotations

import re
from json import dumps
from pathlib import Path

from mmgcn.project.discovery import Discovered

HEAD = """\
# The project of this folder: every command of mmgcn reads this file, and
# `mmgcn run` extracts, trains and evaluates. Paths are relative to this file.
# Options and MMGCN_* variables take precedence; `mmgcn config show` lists what applies.
"""


def project_text(found: Discovered, *, preset: str) -> str:
    """Return the text of mmgcn.toml.

    Args:
        found: content of the folder.
        preset: preset of the encoders.
    """
    lines = [HEAD]
    if found.videos is not None:
        lines.append(f"videos = {_quoted(found.videos)}  # {found.num_videos:,} files")
    if found.captions is not None:
        lines.append(f"captions = {_quoted(found.captions)}")
    extracts = found.videos is not None or found.captions is not None
    arrays = [f"{_modality_of(path)}={path.as_posix()}" for path in found.arrays]
    features: str | list[str] = "features" if extracts or not arrays else arrays
    lines.append(f"features = {dumps(features, ensure_ascii=False)}")
    if extracts and arrays:
        more = dumps(["features", *arrays], ensure_ascii=False)
        lines.append(f"# features = {more}  # with the arrays of this folder")
    lines += ['runs = "runs"', ""]
    lines += ["[data]", *_data_lines(found), ""]
    if extracts:
        modalities = ["visual", "acoustic", "textual"] if found.videos else ["textual"]
        lines += [
            "[extract]",
            f"modalities = {dumps(modalities)}",
            f'preset = "{preset}"  # paper: downloaded weights; offline: weights from packages',
            "",
        ]
    lines += ["[fit]", 'model = "linear_mmgcn"  # `mmgcn models` lists them', ""]
    return "\n".join(lines)


def _data_lines(found: Discovered) -> list[str]:
    table = found.interactions
    if table is None:
        return ['# interactions = "interactions.csv"  # user_id, item_id, optionally timestamp']
    lines = [f"interactions = {_quoted(table.path)}"]
    if table.columns:
        lines.append(f"columns = {dumps(table.columns, ensure_ascii=False)}")
    if table.rating is not None:
        lines.append(f"# min_rating = 4  # lowest {table.rating} that counts; by default all rows")
    split = "leave-last-out" if table.has_time else "random"
    lines.append(f'# split = "{split}"  # the default; also temporal, cold-items, none')
    return lines


def _modality_of(path: Path) -> str:
    """Return a name for the modality of an array.

    >>> _modality_of(Path("data/image_feat.npy")), _modality_of(Path("v.1.npy"))
    ('image_feat', 'v_1')
    """
    return re.sub(r"\W", "_", path.stem)


def _quoted(path: Path) -> str:
    return dumps(path.as_posix(), ensure_ascii=False)
