"""Models on the Hugging Face hub: the files that an encoder needs, and their download."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

SETTINGS = re.compile(r"(?:\d+_\w+/)?[\w.-]+\.(?:json|txt|model)")
# Safetensors are preferred; files in torch's format are read with weights_only=True.
WEIGHTS = (
    r"model\.safetensors",
    r"model-\d+-of-\d+\.safetensors",
    r"pytorch_model\.bin",
    r"pytorch_model-\d+-of-\d+\.bin",
)
MODULE = re.compile(r"\d+_\w+/")  # in a sentence-transformers folder


def files_of_model(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the files of a repository that an encoder needs, with their sizes in bytes.

    These are settings, and one kind of weights per folder, but never code.

    >>> sizes = {"config.json": 1, "model.safetensors": 9, "pytorch_model.bin": 9, "net.py": 1}
    >>> files_of_model(sizes)
    {'config.json': 1, 'model.safetensors': 9}
    """
    found = {name: size for name, size in sizes.items() if SETTINGS.fullmatch(name)}
    folders = {match[0] for name in sizes if (match := MODULE.match(name))} | {""}
    for folder in sorted(folders):
        inside = [name for name in sizes if name.rpartition("/")[0] == folder.rstrip("/")]
        for pattern in WEIGHTS:
            weights = [n for n in inside if re.fullmatch(re.escape(folder) + pattern, n)]
            if weights:
                found |= {name: sizes[name] for name in weights}
                break
    return found


def list_model(name: str) -> dict[str, int]:
    """Return the files that an encoder needs of a model on the hub, with their sizes in bytes.

    Raises:
        Exception: of any type, from the library below: there is no such model, or no network.
    """
    from huggingface_hub import HfApi

    siblings = HfApi().model_info(name, files_metadata=True).siblings or []
    return files_of_model({file.rfilename: file.size or 0 for file in siblings})


def download(name: str, files: Mapping[str, int]) -> Path:
    """Download files of a model into the hub's cache, and return their folder.

    Raises:
        Exception: of any type, from the library below.
    """
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, allow_patterns=[_literal(file) for file in files]))


def cached_folder(name: str) -> Path | None:
    """Return the folder of a model in the hub's cache; None if it is not cached."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def cache() -> Path:
    """Return the folder of the hub's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_models() -> list[str]:
    """Return the names of the models in the hub's cache.

    >>> all("/" in name for name in cached_models())
    True
    """
    found = cache().glob("models--*--*")
    return sorted(path.name.removeprefix("models--").replace("--", "/") for path in found)


def _literal(name: str) -> str:
    """Return a pattern of fnmatch that matches only this name."""
    return re.sub(r"([*?[])", r"[\1]", name)
