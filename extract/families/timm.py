"""timm: image networks of PyTorch Image Models, by name or from a folder in timm's format.

Source: Wightman, PyTorch Image Models, github.com/huggingface/pytorch-image-models (Apache-2.0);
weights under the licence that timm states for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from extract.config import Reads
from extract.encoder import Encoder
from extract.extras import require
from extract.families._image import ImageEncoder, through_pil
from extract.families._network import (
    Forward,
    layer_forward,
    measure,
    output_rows,
    pooled_output,
    without_weights,
)
from extract.families._revision import revision_of
from extract.families._timm_weights import Architecture, load_network, published, weights_file
from extract.family import Family, Listing, UnknownModel
from extract.weights import HUB_NAME, Weights, first_line, sha256_of

if TYPE_CHECKING:
    import torch

MAX_MEASURED = (
    20  # models of a search for which the width is computed, which takes half a second each
)


class TimmImage(ImageEncoder):
    """The features before the classifier, pooled as in timm, a row per frame.

    Preprocessing follows the weights' configuration (`timm.data.resolve_data_config`), on byte
    images. A layer is the number of a stage or block (`forward_intermediates`) or the path of a
    module; its row is the mean over positions.
    """

    family = "timm"

    @cached_property
    def _folder(self) -> Path | None:
        """The model's folder, either local or of a model of the hub."""
        name = self.reference.name
        if self.reference.path is None and HUB_NAME.fullmatch(name):
            return Weights.of_hub(name).resolve()
        return self.reference.path

    @cached_property
    def _architecture(self) -> Architecture:
        if self._folder is not None:
            return Architecture.of_folder(self._folder)
        return Architecture.of_name(self.reference.name)

    @property
    def published(self) -> Weights | None:
        """See `Encoder`."""
        name = self.reference.name
        if self.reference.path is not None or self.reference.weights is not None:
            return None
        if HUB_NAME.fullmatch(name):
            return Weights.of_hub(name)
        return published(name, self._architecture.pretrained)

    @cached_property
    def _file(self) -> Path:
        return weights_file(self.reference, self._folder, self.published)

    @property
    def revision(self) -> str | None:
        """See `Encoder`."""
        return revision_of(self._file)

    @cached_property
    def _data(self) -> dict[str, Any]:
        from timm.data import resolve_data_config

        return dict(resolve_data_config({}, pretrained_cfg=self._architecture.pretrained))

    def hashes(self) -> dict[str, str]:
        """Return the hash of the file of weights."""
        return {"weights_sha256": sha256_of(self._file)}

    @property
    def settings(self) -> dict[str, Any]:
        """Network, layer and preprocessing."""
        return {
            "architecture": self._architecture.name,
            "arguments": self._architecture.arguments,
            "layer": self.reference.layer or "before the classifier, pooled as by timm",
            "preprocessing": {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in self._data.items()
            },
        }

    @cached_property
    def _transform(self) -> Any:
        from timm.data import create_transform

        # With `use_prefetcher` the library's transform ends before the normalisation.
        return create_transform(**self._data, is_training=False, use_prefetcher=True)

    def _geometry(self, images: torch.Tensor) -> torch.Tensor:
        return through_pil(self._transform, images)

    @property
    def _normalisation(self) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
        return 1 / 255, tuple(self._data["mean"]), tuple(self._data["std"])

    @property
    def _unit_shape(self) -> tuple[int, ...]:
        return tuple(self._data["input_size"])

    def _build(self) -> torch.nn.Module:
        return self._architecture.build()

    def _loaded_network(self) -> torch.nn.Module:
        return load_network(self._file, self._architecture)

    @property
    def _forward(self) -> Forward:
        layer = self.reference.layer
        if layer is None:
            return output_rows
        if layer.lstrip("-").isdecimal():
            return lambda network, batch: _block(network, batch, int(layer))
        return lambda network, batch: layer_forward(
            layer, output_rows, channels_last=getattr(network, "output_fmt", "NCHW") == "NHWC"
        )(network, batch)


class _IntermediateNetwork(Protocol):
    """A network of timm with numbered stages or blocks."""

    def forward_intermediates(
        self,
        x: torch.Tensor,
        *,
        indices: list[int],
        intermediates_only: bool,
        output_fmt: str,
    ) -> list[torch.Tensor]:
        """Return the output of the stages with these indices."""


def _block(network: _IntermediateNetwork, batch: torch.Tensor, index: int) -> torch.Tensor:
    """Return the mean over positions of the output of a numbered stage or block.

    Shapes:
        batch: (N, 3, h, w); the result: (N, D).
    """
    try:
        (maps,) = network.forward_intermediates(
            batch, indices=[index], intermediates_only=True, output_fmt="NCHW"
        )
    except (AttributeError, AssertionError, ValueError, IndexError) as error:
        what = f"no numbered layer of the network ({first_line(error)})"
        raise UnknownModel(what, str(index), []) from error
    return pooled_output(maps, str(index))


class Timm(Family):
    """PyTorch Image Models."""

    name: ClassVar[str] = "timm"
    reads: ClassVar[tuple[Reads, ...]] = ("frames",)

    def encoder(self, model: str, *, reads: Reads) -> Encoder:
        """Return the encoder for an image model of timm; see `Family`."""
        require("timm", purpose=f"the encoder timm:{model}", extra="offline")
        encoder = TimmImage(model)
        reference = encoder.reference
        if reference.path is None and not HUB_NAME.fullmatch(reference.name):
            Architecture.of_name(reference.name)  # raises for an unknown name
        return encoder

    def search(self, word: str) -> Iterator[Listing]:
        """Yield models of timm with published weights; see `Family`."""
        require("timm", purpose="a search in timm", extra="offline")
        import timm

        names = timm.list_models(f"*{word}*", pretrained=True)
        for index, name in enumerate(names):
            encoder = TimmImage(name)
            weights = encoder.published
            width, megabytes = _size(encoder) if index < MAX_MEASURED else (None, None)
            yield Listing(
                name,
                "frames",
                width=width,
                megabytes=megabytes,
                licence=None if weights is None else weights.licence,
                here=weights is not None and weights.locate() is not None,
            )


def _size(encoder: TimmImage) -> tuple[int, float]:
    """Return width of the rows and megabytes of the weights, computed without weights."""
    network = without_weights(encoder._build)
    megabytes = sum(tensor.numel() * 4 for tensor in network.state_dict().values()) / 1e6
    return measure(lambda: network, encoder._forward, encoder._unit_shape).width, megabytes


FAMILY = Timm()
