"""st: folders of sentence-transformers, with all of their modules.

The folder is read here, not by the library: there are few kinds of modules, and the library is not
needed to run them. The tests compare the rows with the library's.

Source: Reimers, Gurevych: Sentence-BERT, EMNLP 2019; sentence-transformers (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from extract.config import Reads
from extract.encoder import Encoder
from extract.encoders._pretrained import NO_CODE, load_part, read_settings
from extract.families._hub_search import search_hub
from extract.families._known_models import ST
from extract.families._st_modules import Modules, read_modules
from extract.families._text import TextEncoder
from extract.family import Family, Listing, UnknownModel
from extract.weights import WrongWeights

if TYPE_CHECKING:
    import torch


class SentenceFolder(TextEncoder):
    """A row per caption, as `SentenceTransformer(folder).encode(caption)` returns it.

    Pooling, dense layers, normalisation, maximum length and default prompt are those of the folder.
    The text after @ is the name of another of its prompts.
    """

    family = "st"

    @cached_property
    def _modules(self) -> Modules:
        return read_modules(self.folder)

    @property
    def _network_folder(self) -> Path:
        return self._modules.network

    @cached_property
    def _max_tokens(self) -> int:
        own = self._modules.max_tokens
        return own if own is not None else super()._max_tokens

    @cached_property
    def _prompt(self) -> str:
        settings = read_settings(self.folder, "config_sentence_transformers.json")
        prompts = settings.get("prompts") or {}
        name = self.reference.layer or settings.get("default_prompt_name")
        if name is None:
            return ""
        if name not in prompts:
            raise UnknownModel(f"no prompt of {self.folder}", name, list(prompts))
        return str(prompts[name])

    @property
    def settings(self) -> dict[str, Any]:
        """The modules after the network, prompt and maximum length."""
        return {
            **self._modules.provenance,
            "prompt": self._prompt,
            "max_tokens": self._max_tokens,
        }

    @cached_property
    def config(self) -> Any:
        """See `FolderEncoder`."""
        from transformers import AutoConfig

        load = partial(AutoConfig.from_pretrained, **NO_CODE)
        return load_part(load, self._network_folder, "sentence encoder")

    @property
    def dim(self) -> int:  # type: ignore[override]  # read from the folder of weights
        """Width of the rows."""
        return self._modules.width(int(self.text_config.hidden_size))

    def _loaded_network(self) -> Any:
        network = super()._loaded_network()
        self._layers = self._modules.load(self._device)
        return network

    def _tokenized(self, texts: list[str]) -> dict[str, list[list[int]]]:
        if self._modules.lower_case:
            texts = [text.lower() for text in texts]
        return super()._tokenized(texts)

    def _rows(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        mask = tokens["attention_mask"]
        states = self._network(**tokens).last_hidden_state
        if self._prompt and not self._modules.pools_prompt:
            mask = _without_prompt(mask, self._num_prompt_tokens)
        rows = self._modules.pool(states, mask, original=tokens["attention_mask"])
        for layer in self._layers:
            rows = layer(rows)
        return rows

    @cached_property
    def _num_prompt_tokens(self) -> int:
        """Number of tokens of the prompt, without the end-of-text token."""
        ids = self._tokenizer(self._prompt)["input_ids"]
        ends = {self._tokenizer.sep_token_id, self._tokenizer.eos_token_id}
        return len(ids) - (bool(ids) and ids[-1] in ends)


def _without_prompt(mask: torch.Tensor, num_tokens: int) -> torch.Tensor:
    """Return a mask without the first tokens of each text; padding may be on either side."""
    counts = mask.cumsum(dim=1)
    return mask * (counts > num_tokens)


class SentenceTransformers(Family):
    """Folders of sentence-transformers."""

    name: ClassVar[str] = "st"
    reads: ClassVar[tuple[Reads, ...]] = ("text",)

    def encoder(self, model: str, *, reads: Reads) -> Encoder:
        """Return the encoder for a folder of sentence-transformers; see `Family`."""
        encoder = SentenceFolder(model)
        if encoder.reference.path is not None and not (encoder.folder / "modules.json").is_file():
            raise WrongWeights(
                f"{encoder.folder} is not a folder of sentence-transformers: it has no "
                f"modules.json; use hf:{encoder.reference.name}"
            )
        return encoder

    def search(self, word: str) -> Iterator[Listing]:
        """Yield well-known models and those in the cache; see `Family`."""
        yield from search_hub(self, word, ST, sentences=True)


FAMILY = SentenceTransformers()
