"""Runs in the layout of the Hugging Face hub: safetensors, a configuration and a card.

    README.md            the card
    config.json          configuration of the run, without paths of this machine
    model.safetensors    all arrays of the run, by file name: user, item, parts/visual
    users.parquet items.parquet metrics.jsonl

Parameters for further training are not included. Nothing is pickled.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from extract.publishing import FEATURES_FILE, PretrainedError
from extract.publishing import RUN_FILE as ARRAYS
from mmgcn.model_card import model_card
from mmgcn.run import Run

TABLES = ("users.parquet", "items.parquet", "metrics.jsonl", "ablation.json")
ARRAY_NAME = re.compile(r"(parts/)?[\w%~-][\w.%~-]*")  # never a path out of the folder


def save_pretrained(run: Run | Path | str, folder: Path | str) -> Path:
    """Write a run in the layout of the hub, and return the folder.

    Existing files are replaced, except README.md, which may contain your licence.

    Args:
        run: a run, or its folder.

    Raises:
        RunError: there is no such run.
        OSError: a file cannot be written.
    """
    from safetensors.numpy import save_file

    run = run if isinstance(run, Run) else Run.load(run)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        file.relative_to(run.path).with_suffix("").as_posix(): np.ascontiguousarray(np.load(file))
        for file in sorted(run.path.rglob("*.npy"))
    }
    save_file(arrays, folder / ARRAYS, metadata={"format": "np"})
    for name in TABLES:
        if (run.path / name).is_file():
            shutil.copyfile(run.path / name, folder / name)
    card = folder / "README.md"
    if not card.exists():
        card.write_text(model_card(run), encoding="utf-8")
    text = json.dumps(_without_paths(run.config), indent=1) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    return folder


def from_pretrained(folder: Path | str, *, out: Path | str) -> Run:
    """Write a folder of `save_pretrained` as a new run folder, and return the run.

    Args:
        folder: local folder, such as a clone of a repository on the hub.
        out: run folder to write; it must not exist.

    Raises:
        PretrainedError: the folder is not a published run, or `out` exists.
        RunError: the run is incomplete, or a newer mmgcn wrote it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder, out = Path(folder), Path(out)
    if out.exists():
        raise PretrainedError(f"{out} exists; name a new folder with `out`")
    if (folder / FEATURES_FILE).is_file():
        raise PretrainedError(
            f"{folder} is a published feature set; import it with: mmgcn store import {folder}"
        )
    try:
        config = (folder / "config.json").read_text(encoding="utf-8")
        arrays = load_file(folder / ARRAYS)
    except (OSError, SafetensorError) as error:
        raise PretrainedError(
            f"{folder} is not a published run: {' '.join(str(error).split())[:200]}; expected "
            f"config.json and {ARRAYS}, as save_pretrained writes them"
        ) from error
    invalid = [name for name in arrays if not ARRAY_NAME.fullmatch(name)]
    if invalid:
        raise PretrainedError(f"{folder / ARRAYS} names an array {invalid[0]!r}, which no run has")
    (out / "parts").mkdir(parents=True)
    for name, array in arrays.items():
        np.save(out / f"{name}.npy", array)
    for name in TABLES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    (out / "config.json").write_text(config, encoding="utf-8")
    return Run.load(out)


def _without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without paths of this machine."""
    features = {
        name: {
            key: Path(value).name if key == "encoder" else value
            for key, value in source.items()
            if key != "store"
        }
        for name, source in config.get("features", {}).items()
    }
    return {**config, "features": features}
