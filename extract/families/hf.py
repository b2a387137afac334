"""hf: models of transformers, by their names on the Hugging Face hub or from local folders.

Source: Wolf et al., Transformers: State-of-the-Art Natural Language Processing, EMNLP 2020
(Apache-2.0); weights under the licences of their publishers. Code in a folder is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from extract.config import Reads
from extract.encoder import Encoder
from extract.families._hf_audio import HfAudio
from extract.families._hf_image import HfImage
from extract.families._hf_text import HfText
from extract.families._hf_video import HfVideo
from extract.families._hub_search import search_hub
from extract.families._known_models import HF
from extract.family import Family, Listing, Reference, UnknownModel

ENCODERS: dict[Reads, type[Encoder]] = {
    "frames": HfImage,
    "video": HfVideo,
    "waveform": HfAudio,
    "text": HfText,
}


class HuggingFace(Family):
    """Models of transformers."""

    name: ClassVar[str] = "hf"
    reads: ClassVar[tuple[Reads, ...]] = tuple(ENCODERS)

    def encoder(self, model: str, *, reads: Reads) -> Encoder:
        """Return the encoder for a model of transformers; see `Family`."""
        encoder = ENCODERS[reads](model)
        layer = Reference.parse(model).layer
        is_number = layer is None or layer.lstrip("-").isdecimal()
        if reads in ("waveform", "text") and layer is not None and not is_number:
            raise UnknownModel("no layer given by a number of a hidden state", layer, [])
        return encoder

    def search(self, word: str) -> Iterator[Listing]:
        """Yield well-known models and those in the cache; see `Family`."""
        yield from search_hub(self, word, HF, sentences=False)


FAMILY = HuggingFace()
