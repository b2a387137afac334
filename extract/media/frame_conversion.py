"""FrameConverter: decoded frames to upright RGB with square pixels."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from extract.media.limits import Limits, check_size
from extract.media.orientation import orientation

if TYPE_CHECKING:
    from av import VideoFrame
    from av.packet import Packet
    from av.video.stream import VideoStream

# Everything that changes a pixel, for the digest of a feature set.
PROVENANCE = {
    "version": 1,
    "colour": "RGB by the matrix and range that the file states",
    "untagged": "BT.709 if at least 1280 wide or 577 high, else BT.601; limited range",
    "hdr": "PQ and HLG to sRGB, 203 cd/m2 to white, brighter clipped",
    "alpha": "over white",
    "orientation": "applied",
    "sample_aspect_ratio": "the shorter side enlarged, bicubic",
    "interlaced": "both fields woven",
}
UNTAGGED = (0, 2, 3)  # AVColorSpace RGB, unspecified and reserved: no matrix is stated
HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG
MAX_PIXEL_ASPECT = 10  # a more extreme sample aspect ratio is an error in the file


class FrameConverter:
    """Converts decoded frames to upright RGB with square pixels.

    Colours follow the matrix (BT.601, BT.709, BT.2020, ...) and range (limited, full) of the file.
    If it states none, frames at least 1,280 wide or 577 high are assumed to be BT.709 and smaller
    ones BT.601, as in players. High dynamic range (PQ and HLG, as recorded by phones) is converted
    to sRGB with diffuse white at white; brighter highlights are clipped. Transparent pixels are
    blended with white; the separate alpha of VP8 and VP9 is not read. Frames with non-square pixels
    are enlarged along the short side, so that no detail is lost. Interlaced frames are returned as
    stored, with both fields woven.
    """

    def __init__(self, sample_aspect_ratio: Fraction | None, limits: Limits) -> None:
        self._aspect = _plausible(sample_aspect_ratio)
        self._limits = limits
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame, packet: Packet[VideoStream] | None = None) -> np.ndarray:
        """Return a frame as (H, W, 3) uint8 RGB. `packet` contains the Exif data of a photo."""
        width, height = self._shown_size(frame)
        is_transparent = frame.format.has_palette or any(
            component.is_alpha for component in frame.format.components
        )
        is_hdr = frame.color_trc in HDR
        pixels = (
            (_hdr_reformatter(width, height, frame.color_trc) if is_hdr else self._reformatter)
            .reformat(
                frame,
                width=width,
                height=height,
                format="rgba" if is_transparent else "rgb24",
                src_colorspace=_matrix(frame),
                interpolation=Interpolation.BICUBIC,
                dst_color_trc=ColorTrc.IEC61966_2_1 if is_hdr else None,
                dst_color_primaries=ColorPrimaries.BT709 if is_hdr else None,
                threads=1,
            )
            .to_ndarray()
        )
        rgb = _on_white(pixels) if is_transparent else pixels
        return np.ascontiguousarray(orientation(frame, packet).apply(rgb))

    def _shown_size(self, frame: VideoFrame) -> tuple[int, int]:
        width, height = frame.width, frame.height
        if self._aspect > 1:
            width = round(width * self._aspect)
        elif self._aspect < 1:
            height = round(height / self._aspect)
        check_size(width, height, self._limits)
        return width, height


def _plausible(sample_aspect_ratio: Fraction | None) -> Fraction:
    ratio = Fraction(sample_aspect_ratio or 1)
    return ratio if 1 / MAX_PIXEL_ASPECT <= ratio <= MAX_PIXEL_ASPECT else Fraction(1)


@lru_cache(maxsize=4)
def _hdr_reformatter(*key: int) -> VideoReformatter:  # noqa: ARG001  # the table depends on them
    """Return a reformatter to share between clips: its table takes a second to compute.

    Not thread-safe; clips are decoded in separate processes.
    """
    return VideoReformatter()


def _matrix(frame: VideoFrame) -> Colorspace | None:
    """Return the colour matrix to assume, or None to use the one that the frame states."""
    if frame.format.is_rgb or frame.colorspace not in UNTAGGED:
        return None
    is_large = frame.width >= 1280 or frame.height > 576
    return Colorspace.ITU709 if is_large else Colorspace.ITU601


def _on_white(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) -> (H, W, 3)."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    rounded: np.ndarray = ((mixed + 127) // 255).astype(np.uint8)
    return rounded
