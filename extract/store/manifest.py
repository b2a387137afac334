"""Manifest: every setting that changes a value of a feature set, and its digest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from extract.store.files import StoreError, content_hash, write_atomically

SCHEMA_VERSION = 1
FILE = "manifest.json"
UNPLAIN = re.compile(r"[^a-z0-9_.-]+")  # "hf:openai/clip" names the folder hf-openai-clip-...
MAX_NAME_LENGTH = 80


def full_manifest(modality: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with the keys that the store adds."""
    return {"schema_version": SCHEMA_VERSION, "modality": modality, **given}


def digest(content: Mapping[str, Any]) -> str:
    """Return a hash of the content, 12 hex digits, independent of the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return content_hash(text.encode("utf-8", "surrogatepass"))[:12]


def folder_name(manifest: Mapping[str, Any]) -> str:
    """Return the name of the folder of a feature set, by its full manifest.

    The versions of libraries are stored in the manifest and do not enter the name.
    """
    named = {name: value for name, value in manifest.items() if name != "versions"}
    encoder = UNPLAIN.sub("-", manifest["encoder"].lower()).strip("-.")[:MAX_NAME_LENGTH]
    return f"{encoder}-{digest(named)}"


def write_manifest(
    folder: Path, manifest: Mapping[str, Any], *, versions: Mapping[str, str]
) -> None:
    """Write the manifest into the folder, with the versions of libraries."""
    content = {**manifest, "versions": dict(versions)}
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    # A lone surrogate (an undecodable byte of a path) becomes \udc80, which JSON reads back.
    write_atomically(folder / FILE, text.encode("utf-8", "backslashreplace"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a feature set.

    Raises:
        StoreError: there is none, it is damaged, or a newer version wrote it.
    """
    try:
        manifest = json.loads((folder / FILE).read_text("utf-8"))
    except OSError as error:
        raise StoreError(f"{folder} is not a feature set: {error}") from error
    except ValueError as error:
        raise StoreError(
            f"{folder} is not a feature set: its {FILE} is damaged ({error}); remove that file and "
            "extract again with the same options: it is written again, and the rows are kept"
        ) from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if not isinstance(version, int):
        raise StoreError(f"{folder} is not a feature set: its {FILE} has no schema_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{folder} was written by a newer mmgcn (format {version}, this one reads up to "
            f"{SCHEMA_VERSION}); upgrade mmgcn, or extract into another folder"
        )
    return dict(manifest)
