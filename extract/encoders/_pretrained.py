"""Model folders of the transformers library: strict loading, and hashes of all files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.weights import WrongWeights, first_line, sha256_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_NAMED = 8  # files of a folder in a message
TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
)
NO_CODE = {"trust_remote_code": False}  # for transformers' Auto classes
# Files that configure tokenizers, feature extractors or pooling.
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


def require_folder(path: Path) -> Path:
    """Return the path of a folder unchanged.

    Raises:
        WrongWeights: it is a file.
    """
    if not path.is_dir():
        raise WrongWeights(
            f"{path} is a file; a folder with config.json and model.safetensors is expected"
        )
    return path


def hashes_of(folder: Path, *, more: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the hashes of a folder's weights and of its settings.

    Args:
        more: names of further files that contain settings.

    Raises:
        WeightsUnavailable: it contains no weights.
    """
    digest = hashlib.sha256()
    for name in (*SETTINGS, *more):
        path = folder / name
        if path.is_file():
            digest.update(f"{name}\0{sha256_of(path)}\n".encode())
    return {"weights_sha256": sha256_of(folder), "settings_sha256": digest.hexdigest()}


def required_settings(folder: Path, name: str) -> Any:
    """Return the content of a JSON file, without which the folder was copied in part.

    Raises:
        WrongWeights: it does not exist, or is not JSON.
    """
    if not (folder / name).is_file():
        raise WrongWeights(f"{folder} has no {name}; copy the whole folder of the model")
    return read_settings(folder, name)


def read_settings(folder: Path, name: str) -> Any:
    """Return the content of a JSON file in the folder; an empty dict without the file.

    Raises:
        WrongWeights: it is not JSON.
    """
    path = folder / name
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongWeights(f"{path} is not JSON: {error}") from error


def load_part(load: Callable[..., Any], folder: Path, what: str) -> Any:
    """Return the result of a `from_pretrained` on a folder; nothing is fetched.

    Raises:
        WrongWeights: loading fails.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)  # the library's output is replaced by a one-line error
    try:
        return load(folder, local_files_only=True)
    except Exception as error:  # libraries below raise errors of any type
        why = first_line(error).partition(" If you were trying to load it")[0]
        if "custom code" in why:
            why = "it needs custom code, which is never run"
        files = ", ".join(sorted(path.name for path in folder.iterdir())[:MAX_NAMED])
        raise WrongWeights(
            f"{folder} contains no {what}: {why} (the folder has {files or 'no files'})"
        ) from error
    finally:
        logging.set_verbosity(before)


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer in a folder.

    Raises:
        WrongWeights: there is none, for which transformers would make an empty one.
    """
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise WrongWeights(
            f"{folder} contains no tokenizer: one of {', '.join(TOKENIZERS)} is expected"
        )
    return load_part(partial(AutoTokenizer.from_pretrained, **NO_CODE), folder, "tokenizer")


def load_without_missing(
    load: Callable[..., Any], folder: Path, what: str
) -> tuple[Any, list[str]]:
    """Return a network in evaluation mode, and the names of the tensors that its file lacks.

    Safetensors are preferred; other files are read with `weights_only=True`. Code in the folder is
    never run.

    Args:
        load: `from_pretrained` of the network's class.

    Raises:
        WrongWeights: the folder contains no such network.
    """
    safe = any(folder.glob("*.safetensors")) or not any(folder.glob("pytorch_model*.bin"))
    load = partial(load, use_safetensors=safe, output_loading_info=True)
    network, info = load_part(load, folder, what)
    return network.eval().requires_grad_(False), sorted(info["missing_keys"])


def load_network(
    model: type[PreTrainedModel], folder: Path, what: str, *, unused: tuple[str, ...] = ()
) -> PreTrainedModel:
    """Return a network in evaluation mode, with all of its tensors from the folder's weights.

    transformers initialises tensors that a file lacks at random, with a warning. Here that is an
    error, except for tensors that are not used.

    Args:
        model: class of the network.
        what: name of the network, for messages.
        unused: name prefixes of tensors that may be absent.

    Raises:
        WrongWeights: the folder contains another network, or none.
    """
    network, missing = load_without_missing(model.from_pretrained, folder, what)
    absent = [name for name in missing if not name.startswith(unused or ("\0",))]
    if absent:
        raise WrongWeights(
            f"{folder} contains the weights of another network: for a {what} it lacks "
            f"{len(absent)} tensors, {', '.join(absent[:2])}"
        )
    return network
