"""Revision: the repository and the commit of files in the hub's cache."""

from __future__ import annotations

from pathlib import Path


def revision_of(path: Path) -> str | None:
    """Return OWNER/NAME@COMMIT of a file or folder in the hub's cache; None for other paths.

    >>> revision_of(Path("/hub/models--openai--clip/snapshots/3d74acf/model.safetensors"))
    'openai/clip@3d74acf'
    >>> revision_of(Path("/home/me/clip")) is None
    True
    """
    parts = path.parts
    if "snapshots" not in parts[1:-1]:
        return None
    at = parts.index("snapshots")
    return f"{parts[at - 1].removeprefix('models--').replace('--', '/')}@{parts[at + 1]}"
