"""Runs as the Hugging Face hub stores models: safetensors, a configuration and a card.

    README.md            the card
    config.json          that of the run, without paths of this machine
    model.safetensors    all arrays of the run, by the name of their file: user, item, parts/visual
    users.parquet items.parquet metrics.jsonl

A run's weights for further training are not part of it. Nothing is pickled.
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
NAME = re.compile(r"(parts/)?[\w%~-][\w.%~-]*")  # of an array: never a path out of the folder


def save_pretrained(run: Run | Path | str, folder: Path | str) -> Path:
    """Write a run as the hub stores models, and return the folder.

    Files that are there already are replaced, but for README.md: the licence in it is yours.

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
    """Return the run that `save_pretrained` wrote into a local folder, as a new run folder.

    Args:
        folder: such as a clone of a repository of the hub.
        out: the run folder to write; it must not exist.

    Raises:
        PretrainedError: the folder is not a published run, or `out` exists.
        RunError: it is incomplete, or a newer mmgcn wrote it.
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
    strange = [name for name in arrays if not NAME.fullmatch(name)]
    if strange:
        raise PretrainedError(f"{folder / ARRAYS} names an array {strange[0]!r}, which no run has")
    (out / "parts").mkdir(parents=True)
    for name, array in arrays.items():
        np.save(out / f"{name}.npy", array)
    for name in TABLES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    (out / "config.json").write_text(config, encoding="utf-8")
    return Run.load(out)


def _without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without the folders of this machine."""
    features = {
        name: {
            key: Path(value).name if key == "encoder" else value
            for key, value in source.items()
            if key != "store"
        }
        for name, source in config.get("features", {}).items()
    }
    return {**config, "features": features}
