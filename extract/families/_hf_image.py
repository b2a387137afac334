"""HfImage: images by a network of transformers."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import TokenPooling
from extract.encoders._pretrained import NO_CODE, load_part
from extract.families._hf_folder import FolderEncoder
from extract.families._hf_states import numbered_states, pooled_states
from extract.families._image import ImageEncoder
from extract.families._network import Forward, layer_forward
from extract.weights import WrongWeights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WHAT = "network for images"


class HfImage(FolderEncoder, ImageEncoder):
    """A row per frame, pooled as in the network itself.

    For a network of images and text (CLIP, SigLIP), the row is the projected image; for others, the
    pooled output, if the file has its weights, or the class token, if there is one, or the mean
    over tokens or positions. A layer is the number of a hidden state or the path of a module.
    Preprocessing follows the folder's `preprocessor_config.json`.
    """

    family = "hf"
    poolings: tuple[TokenPooling, ...] = ("mean", "cls")

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        load = partial(AutoImageProcessor.from_pretrained, **NO_CODE)
        return load_part(load, self.folder, "image processor")

    def _pixels(self, images: torch.Tensor, **more: bool) -> torch.Tensor:
        """Return the output of the folder's image processor.

        Shapes:
            images: (N, 3, H, W) uint8; the result: (N, 3, h, w).
        """
        return self._processed(images, axes=("images", "channels", "height", "width"), **more)

    def _processed(
        self, images: torch.Tensor, *, axes: tuple[str, ...], **more: bool
    ) -> torch.Tensor:
        found = self._processor(
            list(images), return_tensors="pt", input_data_format="channels_first", **more
        )
        pixels: torch.Tensor = found["pixel_values"]
        if pixels.ndim != len(axes):
            raise WrongWeights(
                f"{self.folder} contains an image processor that returns {tuple(pixels.shape)}; "
                f"({', '.join(axes)}) is expected"
            )
        return pixels

    @cached_property
    def _units_are_bytes(self) -> bool:
        """Whether the processor ends by scaling and normalising bytes, which batches can do."""
        import torch

        probe = torch.arange(3 * 40 * 56, dtype=torch.int64).remainder(251).to(torch.uint8)
        probe = probe.reshape(1, 3, 40, 56)
        try:
            data = self._pixels(probe, do_rescale=False, do_normalize=False)
            scale, mean, std = self._normalisation
        except (AttributeError, TypeError, ValueError):
            return False
        if data.dtype != torch.uint8:
            return False
        shape = (1, 3, 1, 1)
        ours = (data.float() * scale - torch.tensor(mean).view(shape)) / torch.tensor(std).view(
            shape
        )
        return bool(torch.allclose(ours, self._pixels(probe), rtol=0, atol=1e-5))

    def _geometry(self, images: torch.Tensor) -> torch.Tensor:
        if self._units_are_bytes:
            return self._pixels(images, do_rescale=False, do_normalize=False)
        return self._pixels(images)

    @property
    def _normalisation(self) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
        own = self._processor
        scale = float(own.rescale_factor) if own.do_rescale else 1.0
        if not own.do_normalize:
            return scale, (0.0,) * 3, (1.0,) * 3
        return scale, tuple(own.image_mean), tuple(own.image_std)

    @cached_property
    def _unit_shape(self) -> tuple[int, ...]:
        return self._frame_shape

    @cached_property
    def _frame_shape(self) -> tuple[int, ...]:
        import torch

        _ = self.config  # so that a folder of another kind is reported as such
        return tuple(self._pixels(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[1:])

    @property
    def settings(self) -> dict[str, Any]:
        """Network, layer and pooling."""
        return super().settings | {"pooling": self.pooling or "the network's own"}

    def _build(self) -> torch.nn.Module:
        from transformers import AutoModel

        network = AutoModel.from_config(self.config, **NO_CODE)
        network.pooler_is_loaded = True
        return _images_alone(network)

    def _loaded_network(self) -> torch.nn.Module:
        from transformers import AutoModel

        network, missing = self.load_network(AutoModel, WHAT)
        network.pooler_is_loaded = not missing
        return _images_alone(network)

    @property
    def _forward(self) -> Forward:
        layer, pooling = self.reference.layer, self.pooling
        if layer is not None and layer.lstrip("-").isdecimal():
            return partial(_rows, pooling=pooling or "mean", index=int(layer))
        if layer is not None:
            return layer_forward(layer, _rows)
        return partial(_rows, pooling=pooling)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, h, w) uint8, or float32; the result: (N, D) float32."""
        import torch

        if self._units_are_bytes:
            return super().encode(units)
        return self._network(torch.from_numpy(units).float())


def _images_alone(network: PreTrainedModel) -> torch.nn.Module:
    """Return the network without the part that encodes text."""
    if hasattr(network, "get_image_features") and hasattr(network, "text_model"):
        del network.text_model
    checked: torch.nn.Module = network
    return checked


def _rows(
    network: PreTrainedModel,
    batch: torch.Tensor,
    *,
    pooling: TokenPooling | None = None,
    index: int | None = None,
) -> torch.Tensor:
    """Return the rows of images.

    Shapes:
        batch: (N, 3, h, w); the result: (N, D).
    """
    rows: torch.Tensor
    if pooling is None and index is None and hasattr(network, "get_image_features"):
        found = network.get_image_features(pixel_values=batch)
        rows = getattr(found, "pooler_output", found)  # a tensor itself before transformers 5
        return rows.flatten(1)
    network_of_images = getattr(network, "vision_model", network)
    found = network_of_images(pixel_values=batch, output_hidden_states=index is not None)
    if index is not None:
        return pooled_states(numbered_states(found.hidden_states, index), pooling or "mean")
    pooled = getattr(found, "pooler_output", None)
    if pooling is None and pooled is not None and network.pooler_is_loaded:
        rows = pooled.flatten(1)  # (N, D) or (N, D, 1, 1) -> (N, D)
        return rows
    if pooling is None:
        tokens = any(name.endswith("cls_token") for name, _ in network.named_parameters())
        pooling = "cls" if tokens else "mean"
    return pooled_states(found.last_hidden_state, pooling)
