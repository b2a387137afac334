"""torchvision: networks of torchvision.models, by name.

Source: torchvision (BSD-3-Clause), with the weights and the preprocessing of its `Weights` entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from extract.config import Reads
from extract.encoder import Encoder
from extract.families._image import ImageEncoder, through_pil
from extract.families._network import Forward, layer_forward, output_rows
from extract.families._torchvision_weights import (
    build_network,
    entry_of,
    load_network,
    published,
    weights_file,
    without_head,
)
from extract.families._windows import VideoEncoder
from extract.family import Family, Listing, Reference, UnknownModel
from extract.weights import Weights, WeightsUnavailable, sha256_of

if TYPE_CHECKING:
    import torch
    from PIL import Image


CLIP_LENGTH = re.compile(r"`frame_rate=([\d.]+)`.*`clip_len=(\d+)`")


def _video_rows(network: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    rows: torch.Tensor = network(batch.transpose(1, 2))  # (N, T, 3, h, w) -> (N, 3, T, h, w)
    return rows


class TorchvisionImage(ImageEncoder):
    """The input of the classifier, a row per frame.

    Preprocessing is that of the weights (`Weights.transforms()`); for a file, that of the model's
    default weights. A layer is the path of a module; its row is the mean over positions.
    """

    family = "torchvision"
    _output: Forward = staticmethod(output_rows)

    @property
    def published(self) -> Weights | None:
        """See `Encoder`."""
        return published(self.reference)

    @cached_property
    def _file(self) -> Path:
        return weights_file(self.reference)

    @cached_property
    def _preset(self) -> Any:
        return entry_of(self.reference).transforms()

    def hashes(self) -> dict[str, str]:
        """Return the hash of the file of weights."""
        return {"weights_sha256": sha256_of(self._file)}

    @property
    def settings(self) -> dict[str, Any]:
        """Layer and preprocessing."""
        preset = self._preset
        return {
            "layer": self.reference.layer or "input of the classifier",
            "preprocessing": {
                "resize_px": list(preset.resize_size),
                "crop_px": list(preset.crop_size),
                "interpolation": preset.interpolation.value,
                "antialias": bool(getattr(preset, "antialias", False)),
                "mean": list(preset.mean),
                "std": list(preset.std),
            },
        }

    def _geometry(self, images: torch.Tensor) -> torch.Tensor:
        from torchvision.transforms import functional

        preset = self._preset

        def resize_and_crop(image: Image.Image) -> torch.Tensor:
            image = functional.resize(
                image, preset.resize_size, preset.interpolation, antialias=preset.antialias
            )
            cropped: torch.Tensor = functional.pil_to_tensor(
                functional.center_crop(image, preset.crop_size)
            )
            return cropped

        return through_pil(resize_and_crop, images)

    @property
    def _normalisation(self) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
        return 1 / 255, tuple(self._preset.mean), tuple(self._preset.std)

    @property
    def _unit_shape(self) -> tuple[int, ...]:
        size = [*self._preset.crop_size, *self._preset.crop_size]
        return (3, size[0], size[1])

    def _build(self) -> torch.nn.Module:
        return without_head(build_network(self.reference.name))

    def _loaded_network(self) -> torch.nn.Module:
        return load_network(self.reference.name, self._file)

    @property
    def _forward(self) -> Forward:
        layer = self.reference.layer
        if layer is None:
            return self._output
        swin = self.reference.name.startswith("swin")
        return layer_forward(layer, self._output, channels_last=swin)


class TorchvisionVideo(VideoEncoder, TorchvisionImage):
    """The input of the classifier, a row per window of frames, without overlap.

    Frame rate and window length are those at which the published accuracy of the weights was
    measured: 16 frames at 15 fps for r2plus1d_18, 128 at 15 fps for s3d.
    """

    _output = staticmethod(_video_rows)

    @cached_property
    def _window(self) -> tuple[float, int]:
        """Frames per second and frames in a window, from the documentation of the weights."""
        stated = CLIP_LENGTH.search(str(entry_of(self.reference).meta["_docs"]))
        if stated is None:
            return Encoder.window_fps, Encoder.num_window_frames
        return float(stated[1]), int(stated[2])

    @property
    def window_fps(self) -> float:  # type: ignore[override]  # that of the weights
        """See `Encoder`."""
        return self._window[0]

    @property
    def num_window_frames(self) -> int:  # type: ignore[override]
        """See `Encoder`."""
        return self._window[1]

    def _geometry(self, images: torch.Tensor) -> torch.Tensor:
        import torch
        from torchvision.transforms import functional

        preset = self._preset
        size, interpolation = preset.resize_size, preset.interpolation
        scaled = [  # one by one: resizing converts all of its input to floats at once
            functional.resize(image, size, interpolation, antialias=False) for image in images
        ]
        cropped: torch.Tensor = functional.center_crop(torch.stack(scaled), preset.crop_size)
        return cropped

    @property
    def _unit_shape(self) -> tuple[int, ...]:
        return (self.num_window_frames, *super()._unit_shape)


class Torchvision(Family):
    """Networks of torchvision.models for images and for videos."""

    name: ClassVar[str] = "torchvision"
    reads: ClassVar[tuple[Reads, ...]] = ("frames", "video")

    def encoder(self, model: str, *, reads: Reads) -> Encoder:
        """Return the encoder for a network of torchvision; see `Family`."""
        reference = Reference.parse(model)
        known = _names(reads)
        if reference.path is not None:
            raise WeightsUnavailable(
                f"torchvision:{reference.name} names no network; a file of weights comes after its "
                f"name: torchvision:NAME:{reference.name}"
            )
        if reference.name not in known:
            raise UnknownModel(f"no network of torchvision for {reads}", reference.name, known)
        entry_of(reference)  # raises for unknown weights
        return TorchvisionImage(model) if reads == "frames" else TorchvisionVideo(model)

    def search(self, word: str) -> Iterator[Listing]:
        """Yield the networks of torchvision; see `Family`."""
        for reads in self.reads:
            for name in _names(reads):
                if word in name:
                    encoder = self.encoder(name, reads=reads)
                    weights = encoder.published
                    assert weights is not None, "no file is named"
                    yield Listing(
                        name,
                        reads,
                        width=encoder.dim,
                        megabytes=entry_of(Reference(name)).meta["_file_size"],
                        licence=weights.licence,
                        here=weights.locate() is not None,
                    )


def _names(reads: Reads) -> list[str]:
    """Return the names of the classifiers of images or of videos."""
    from torchvision import models

    module = models if reads == "frames" else models.video
    return [str(name) for name in models.list_models(module=module)]


FAMILY = Torchvision()
