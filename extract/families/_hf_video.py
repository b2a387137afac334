"""HfVideo: windows of frames by a network of transformers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from extract.families._hf_image import HfImage
from extract.families._windows import VideoEncoder
from extract.weights import WrongWeights

if TYPE_CHECKING:
    import torch

# Every fourth of 30 frames per second, as VideoMAE was trained on Kinetics (Tong et al., NeurIPS
# 2022). The configurations of networks state no frame rate.
FPS = 7.5


class HfVideo(VideoEncoder, HfImage):
    """A row per window of frames, without overlap: VideoMAE, TimeSformer, ViViT.

    A window has as many frames as the network's configuration states, 7.5 per second. The row is
    pooled as that of an image: the pooled output, if the file has its weights, or the class token,
    if there is one, or the mean over tokens.
    """

    window_fps: float = FPS

    @cached_property
    def num_window_frames(self) -> int:  # type: ignore[override]  # that of the network
        """See `Encoder`."""
        num = getattr(self.config, "num_frames", None)
        if not isinstance(num, int) or num < 1:
            raise WrongWeights(
                f"{self.folder} contains no network for video: its configuration states no "
                "num_frames"
            )
        return num

    def _pixels(self, images: torch.Tensor, **more: bool) -> torch.Tensor:
        """See `HfImage`; the processor returns the frames as one video."""
        axes = ("videos", "frames", "channels", "height", "width")
        return self._processed(images, axes=axes, **more)[0]

    @cached_property
    def _unit_shape(self) -> tuple[int, ...]:
        return (self.num_window_frames, *self._frame_shape)
