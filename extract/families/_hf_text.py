"""HfText: captions by a network of transformers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from extract.config import TokenPooling
from extract.encoders._pretrained import NO_CODE
from extract.families._hf_states import numbered_states, pooled_states
from extract.families._network import without_weights
from extract.families._text import TextEncoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class HfText(TextEncoder):
    """A row per caption, from the states of its tokens.

    For a network of images or audio and text (CLIP, CLAP), the row is the projected text; for
    others, the mean over tokens, or by `pooling` the first token (cls) or the last one (last). A
    layer is the number of a hidden state.
    """

    family = "hf"
    poolings: tuple[TokenPooling, ...] = ("mean", "cls", "last")

    @property
    def settings(self) -> dict[str, Any]:
        """Network, layer, pooling and maximum length."""
        return super().settings | {
            "pooling": self.pooling or "projected text, else mean over tokens",
            "max_tokens": self._max_tokens,
        }

    @cached_property
    def dim(self) -> int:  # type: ignore[override]  # read from the folder of weights
        """Width of the rows."""
        import torch
        from transformers import AutoModel

        def width() -> int:
            network = AutoModel.from_config(self.config, **NO_CODE).eval()
            ids = torch.ones(1, 2, dtype=torch.int64)
            return int(self._rows_of(network, {"input_ids": ids, "attention_mask": ids}).shape[1])

        return without_weights(width)

    def _rows(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        return self._rows_of(self._network, tokens)

    def _rows_of(self, network: PreTrainedModel, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        layer, mask = self.reference.layer, tokens["attention_mask"]
        if layer is None and self.pooling is None and hasattr(network, "get_text_features"):
            found = network.get_text_features(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
            rows: torch.Tensor = getattr(found, "pooler_output", found)
            return rows
        network = getattr(network, "text_model", network)
        if getattr(network.config, "is_encoder_decoder", False):
            network = network.get_encoder()
        found = network(**tokens, output_hidden_states=layer is not None)
        states = found.last_hidden_state
        if layer is not None:
            states = numbered_states(found.hidden_states, int(layer))
        return pooled_states(states, self.pooling or "mean", mask=mask)
