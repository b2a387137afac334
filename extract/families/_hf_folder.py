"""Folders of transformers' models, by reference, and their configuration."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from extract.encoders._pretrained import (
    NO_CODE,
    hashes_of,
    load_part,
    load_without_missing,
    require_folder,
)
from extract.families._encoder import FamilyEncoder
from extract.families._revision import revision_of
from extract.weights import HUB_NAME, Weights, WeightsUnavailable, WrongWeights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MORE_SETTINGS = (
    "processor_config.json",
    "video_preprocessor_config.json",
    "config_sentence_transformers.json",
    "added_tokens.json",
    "spiece.model",
    "tokenizer.model",
)


class AutoClass(Protocol):
    """One of transformers' Auto classes, such as AutoModel."""

    def from_pretrained(self, path: Path, /, **settings: object) -> PreTrainedModel:
        """Return the network of a folder."""


class FolderEncoder(FamilyEncoder):
    """An encoder whose model is a folder, either local or of a model of the hub."""

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
        """The model's folder, after fetching it if needed.

        Raises:
            WeightsUnavailable: it is not on this machine and cannot be fetched.
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
            WrongWeights: the folder contains no configuration that transformers knows.
        """
        from transformers import AutoConfig

        return load_part(
            partial(AutoConfig.from_pretrained, **NO_CODE), self.folder, "network of transformers"
        )

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the folder's weights and settings."""
        return hashes_of(self.folder, more=MORE_SETTINGS)

    @property
    def settings(self) -> dict[str, Any]:
        """Network and layer."""
        return {"network": self.config.model_type, "layer": self.reference.layer or "last"}

    def load_network(
        self, model: AutoClass, what: str, *, folder: Path | None = None
    ) -> tuple[Any, list[str]]:
        """Return a network with the folder's weights, and the tensors of poolers that it lacks.

        Only poolers may lack tensors: files of classifiers have none.

        Args:
            model: one of transformers' Auto classes.
            what: name of the network, for messages.
            folder: folder of the network, if it is not that of the model.

        Raises:
            WrongWeights: the folder contains another network, or none.
        """
        folder = folder or self.folder
        network, missing = load_without_missing(
            partial(model.from_pretrained, **NO_CODE), folder, what
        )
        absent = [name for name in missing if "pooler" not in name.split(".")]
        if absent:
            raise WrongWeights(
                f"{folder} contains the weights of another network: for a {what} it lacks "
                f"{len(absent)} tensors, {', '.join(absent[:2])}"
            )
        return network, missing
