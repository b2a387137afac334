"""TextEncoder: base class of the text encoders of transformers and sentence-transformers."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoders._pretrained import load_tokenizer, read_settings
from extract.encoders.sentence import MAX_TOKENS, TOKEN_BUDGET, batches_by_length
from extract.families._hf_folder import FolderEncoder

if TYPE_CHECKING:
    from pathlib import Path

    import torch

WHAT = "network for texts"
UNLIMITED = 1 << 20  # tokenizers without a limit state a number such as 10**30


class TextEncoder(FolderEncoder):
    """A row per caption, by a network of transformers over its tokens.

    Captions are sorted by length and run in batches of at most 2,048 tokens, padding included.

    A subclass defines `_rows`, and the folder of its network and tokenizer.
    """

    reads: Reads = "text"
    batch_units = 512

    @property
    def _network_folder(self) -> Path:
        """The folder of network and tokenizer."""
        return self.folder

    @property
    def _prompt(self) -> str:
        """Text to put before each caption."""
        return ""

    @cached_property
    def _max_tokens(self) -> int:
        limits = (
            read_settings(self._network_folder, "tokenizer_config.json").get("model_max_length"),
            getattr(self.text_config, "max_position_embeddings", None),
        )
        return int(min((n for n in limits if n and 0 < n < UNLIMITED), default=MAX_TOKENS))

    @property
    def text_config(self) -> Any:
        """The configuration of the text network, which may be one of several in the model."""
        return getattr(self.config, "text_config", self.config)

    @abstractmethod
    def _rows(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the rows of a padded batch.

        Shapes:
            tokens: (B, T) each; the result: (B, D).
        """

    def _tokenized(self, texts: list[str]) -> dict[str, list[list[int]]]:
        tokens = self._tokenizer(texts, truncation=True, max_length=self._max_tokens)
        return dict(tokens)

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Load tokenizer and network from a folder."""
        self._tokenizer = load_tokenizer(self._network_folder)
        if self._tokenizer.pad_token is None:  # padding is masked, so any token will do
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._device = device
        self._network = self._loaded_network().to(device)

    def _loaded_network(self) -> Any:
        from transformers import AutoModel

        return self.load_network(AutoModel, WHAT, folder=self._network_folder)[0]

    def prepare(self, sample: str) -> list[str]:
        """Return the caption as a single unit."""
        return [sample]

    def encode(self, units: list[str]) -> np.ndarray:
        """Shapes: units: N captions; the result: (N, D) float32."""
        import torch

        rows = np.zeros((len(units), self.dim), dtype=np.float32)
        if not units:
            return rows
        tokens = self._tokenized([self._prompt + text for text in units])
        lengths = [len(ids) for ids in tokens["input_ids"]]
        with torch.inference_mode():
            for batch in batches_by_length(lengths, budget=TOKEN_BUDGET):
                part = {name: [values[i] for i in batch] for name, values in tokens.items()}
                padded = self._tokenizer.pad(part, return_tensors="pt").to(self._device)
                rows[batch] = self._rows(dict(padded)).float().cpu().numpy()
        return rows
