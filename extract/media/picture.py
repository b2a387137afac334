"""From a decoded frame to the picture that a person would see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import VideoReformatter

if TYPE_CHECKING:
    from av import VideoFrame


class PictureConverter:
    """Turns decoded frames into upright RGB with square pixels."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame) -> np.ndarray:
        """Return the picture, (H, W, 3) uint8 RGB."""
        converted = self._reformatter.reformat(frame, format="rgb24", threads=1)
        picture = converted.to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90))
