"""Folders of transformers' models: which one a reference names, and their configuration."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.encoders._pretrained import (
    NO_CODE,
    hashes_of,
    load_part,
    read_settings,
    require_folder,
)
from extract.families._encoder import FamilyEncoder
from extract.families._revision import revision_of
from extract.weights import HUB_NAME, Weights, WeightsUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


MORE_SETTINGS = (
    "processor_config.json",
    "video_preprocessor_config.json",
    "config_sentence_transformers.json",
    "added_tokens.json",
    "spiece.model",
    "tokenizer.model",
)


class FolderEncoder(FamilyEncoder):
    """An encoder whose model is a folder: a local one, or that of a model of the hub."""

    @property
    def published(self) -> Weights | None:
        """See `Encoder`."""
        return None if self.reference.path is not None else self._hub_model()

    def _hub_model(self) -> Weights:
        name = self.reference.name
        if not HUB_NAME.fullmatch(name):
            raise WeightsUnavailable(
                f"no folder at {name}; pass the path of a folder, or OWNER/NAME of a model of the "
                "hub"
            )
        return Weights.of_hub(name)

    @cached_property
    def folder(self) -> Path:
        """The model's folder, fetched first if it must be.

        Raises:
            WeightsUnavailable: it is not here and cannot be fetched.
            WrongWeights: it is a file.
        """
        path = self.reference.path
        return require_folder(path if path is not None else self._hub_model().resolve())

    @property
    def revision(self) -> str | None:
        """See `Encoder`."""
        return revision_of(self.folder / "config.json")

    @cached_property
    def config(self) -> Any:
        """The configuration of the network.

        Raises:
            WrongWeights: the folder contains none that transformers knows.
        """
        from transformers import AutoConfig

        return load_part(
            partial(AutoConfig.from_pretrained, **NO_CODE), self.folder, "network of transformers"
        )

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the folder's weights and settings."""
        return hashes_of(self.folder, more=MORE_SETTINGS)

    def settings(self, names: Sequence[str]) -> Any:
        """Return the content of the first of some JSON files that exists; an empty dict without."""
        for name in names:
            if content := read_settings(self.folder, name):
                return content
        return {}
