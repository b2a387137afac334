"""Manifest: everything that changes a number in a feature set, and the digest of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from extract.store.files import StoreError, content_hash, write_atomically

SCHEMA_VERSION = 1
FILE = "manifest.json"


def complete(modality: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with what the store itself knows."""
    return {"schema_version": SCHEMA_VERSION, "modality": modality, **given}


def digest(content: Mapping[str, Any]) -> str:
    """Return 12 hex digits of the content, whatever the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return content_hash(text.encode("utf-8", "surrogatepass"))[:12]


def folder_name(manifest: Mapping[str, Any]) -> str:
    """Return the name of the folder that holds the features of a complete manifest.

    The versions of libraries stand in the file and have no part in the name.
    """
    named = {name: value for name, value in manifest.items() if name != "versions"}
    return f"{manifest['encoder']}-{digest(named)}"


def write_manifest(
    folder: Path, manifest: Mapping[str, Any], *, versions: Mapping[str, str]
) -> None:
    """Write the manifest into the folder, the versions of libraries beside it."""
    held = {**manifest, "versions": dict(versions)}
    text = json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    # Half of a surrogate pair (an odd byte in a path) becomes \udc80, which JSON reads as itself.
    write_atomically(folder / FILE, text.encode("utf-8", "backslashreplace"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a feature set.

    Raises:
        StoreError: there is none, or a newer version wrote it.
    """
    try:
        manifest = json.loads((folder / FILE).read_text("utf-8"))
    except OSError as error:
        raise StoreError(f"{folder} is no feature set: {error}") from error
    except ValueError as error:
        raise StoreError(
            f"{folder} is no feature set: its {FILE} is damaged ({error}); remove that file and "
            "extract again with the same options: it is written anew, and the rows are kept"
        ) from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if not isinstance(version, int):
        raise StoreError(f"{folder} is no feature set: its {FILE} has no schema_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{folder} was written by a newer mmgcn (format {version}, this one reads up to "
            f"{SCHEMA_VERSION}); upgrade mmgcn, or extract into another folder"
        )
    return dict(manifest)
