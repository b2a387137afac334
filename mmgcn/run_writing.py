"""Writing of a run folder: its files, `config.json` last, and the link to the latest run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.run import SCHEMA_VERSION, Csr


def write_run(
    path: Path,
    *,
    config: Mapping[str, Any],
    users: IdMap,
    items: IdMap,
    user: np.ndarray | None,
    item_parts: Mapping[str, np.ndarray],
    parts: Mapping[str, Csr],
    popularity: np.ndarray,
    present: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write all files that `Run` reads, config.json last.

    Args:
        user: vectors of the users; None for an item-item model, whose user vectors are rows of
            interactions.
        item_parts: summands of the item vectors, by channel.
        parts: interactions of each part, by name.
        popularity: number of training interactions of each item.
        present: masks of the items that have a channel, by channel; channels that are not in
            `item_parts` are ignored.

    Shapes:
        user: (U, d); item_parts: (I, d) each; parts: indptr (U + 1,) and indices (E,) each;
        popularity: (I,); present: (I,) bool each.
    """
    (path / "parts").mkdir(parents=True, exist_ok=True)
    users.save(path / "users.parquet")
    items.save(path / "items.parquet")
    if user is not None:
        np.save(path / "user.npy", np.ascontiguousarray(user, dtype=np.float32))
    item = np.zeros_like(next(iter(item_parts.values())), dtype=np.float32)
    for name, part in item_parts.items():
        np.save(path / "parts" / f"{quote(name, safe='')}.npy", part.astype(np.float32))
        item += part
    np.save(path / "item.npy", item)
    for name, (indptr, indices) in parts.items():
        np.save(path / f"{name}_indptr.npy", indptr.astype(np.int64))
        np.save(path / f"{name}_indices.npy", indices.astype(np.int32))
    np.save(path / "popularity.npy", popularity.astype(np.int64))
    incomplete = {n: mask for n, mask in (present or {}).items() if n in item_parts}
    incomplete = {name: mask for name, mask in incomplete.items() if not mask.all()}
    if incomplete:
        (path / "present").mkdir(exist_ok=True)
    for name, mask in incomplete.items():
        np.save(path / "present" / f"{quote(name, safe='')}.npy", mask.astype(bool))
    complete_config = {
        "schema_version": SCHEMA_VERSION,
        "num_users": len(users),
        "num_items": len(items),
        "dim": item.shape[1],
        "user_vectors": "interactions" if user is None else "user.npy",
        "channels": list(item_parts),
        "incomplete_channels": list(incomplete),
        **config,
    }
    write_json(path / "config.json", complete_config)


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def move_latest(run: Path) -> None:
    """Let `latest`, beside the run, point to it, atomically.

    `latest` is a link, or a text file with the run's name where links are not possible.
    """
    link = run.parent / f".latest.{os.getpid()}.tmp"
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(run.name, target_is_directory=True)
    except OSError:
        link.write_text(f"{run.name}\n", encoding="utf-8")
    link.replace(run.parent / "latest")
