"""Folders of weights as the transformers library keeps them: read strictly, hashed wholly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from extract.weights import WrongWeights, sha256_of

# Beside the weights, what a tokenizer, a feature extractor or a pooling is made from.
SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
)


def a_folder(path: Path) -> Path:
    """Return the path as it is.

    Raises:
        WrongWeights: it is a file.
    """
    if not path.is_dir():
        raise WrongWeights(
            f"{path} is a file; a folder with config.json and model.safetensors is expected"
        )
    return path


def hashes_of(folder: Path) -> dict[str, str]:
    """Return what tells a folder from another: the hash of its weights, and of its settings.

    Raises:
        WeightsUnavailable: it holds no weights.
    """
    digest = hashlib.sha256()
    for name in SETTINGS:
        path = folder / name
        if path.is_file():
            digest.update(f"{name}\0{sha256_of(path)}\n".encode())
    return {"weights_sha256": sha256_of(folder), "settings_sha256": digest.hexdigest()}


def read_settings(folder: Path, name: str) -> Any:
    """Return what a JSON file of the folder holds; an empty dict if there is none.

    Raises:
        WrongWeights: it is not JSON.
    """
    path = folder / name
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongWeights(f"{path} is no JSON: {error}") from error


def load_part(load: Callable[..., Any], folder: Path, what: str) -> Any:
    """Return what a `from_pretrained` makes of a folder; nothing is fetched.

    Raises:
        WrongWeights: it makes nothing of it.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)  # what it would print, our errors say in one line
    try:
        return load(folder, local_files_only=True)
    except Exception as error:  # as many kinds as there are libraries below
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WrongWeights(f"{folder} holds no {what}: {lines[0][:200]}") from error
    finally:
        logging.set_verbosity(before)


def load_network(model: Any, folder: Path, what: str, *, unused: tuple[str, ...] = ()) -> Any:
    """Return a network, every tensor of it from the folder's model.safetensors, to be run only.

    transformers gives random numbers to tensors that a file lacks, and says so in a warning. Here
    that is an error, but for tensors that are not used.

    Args:
        model: its class.
        what: what the folder should hold, for messages.
        unused: how the names of tensors begin that may be absent.

    Raises:
        WrongWeights: the folder holds another network, or none.
    """
    load = partial(model.from_pretrained, use_safetensors=True, output_loading_info=True)
    network, told = load_part(load, folder, what)
    absent = sorted(name for name in told["missing_keys"] if not name.startswith(unused or ("\0",)))
    if absent:
        raise WrongWeights(
            f"{folder} holds the weights of another network: for a {what} it lacks {len(absent)} "
            f"tensors, {', '.join(absent[:2])}"
        )
    return network.eval().requires_grad_(False)
