"""From a decoded frame to the picture that a person would see."""

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

# Everything here that changes a pixel, for the digest of a feature set.
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
UNTAGGED = (0, 2, 3)  # RGB, unspecified and reserved: what a file says when it says nothing
HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG
WIDEST_PIXEL = 10  # a file that asks for pixels ten times as wide as high is mistaken


class FrameConverter:
    """Turns decoded frames into upright RGB with square pixels.

    Colours follow the matrix (BT.601, BT.709, BT.2020, ...) and range (limited, full) that the
    file states. Where it states none, pictures at least 1,280 wide or 577 high are taken for
    BT.709 and smaller ones for BT.601, as players do. High dynamic range (PQ, HLG: what phones
    record) is brought to sRGB with diffuse white at white; highlights beyond it are clipped.
    What is transparent is put on white; the transparency that VP8 and VP9 store beside the
    picture is not read. Pictures with oblong pixels are enlarged along the short side, so that no
    detail is lost. Interlaced frames come as they are stored, both fields woven.
    """

    def __init__(self, sample_aspect_ratio: Fraction | None, limits: Limits) -> None:
        self._aspect = _believable(sample_aspect_ratio)
        self._limits = limits
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame, packet: Packet[VideoStream] | None = None) -> np.ndarray:
        """Return the picture, (H, W, 3) uint8 RGB. `packet` is where a photograph's Exif is."""
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
        picture = _on_white(pixels) if is_transparent else pixels
        return np.ascontiguousarray(orientation(frame, packet).apply(picture))

    def _shown_size(self, frame: VideoFrame) -> tuple[int, int]:
        width, height = frame.width, frame.height
        if self._aspect > 1:
            width = round(width * self._aspect)
        elif self._aspect < 1:
            height = round(height / self._aspect)
        check_size(width, height, self._limits)
        return width, height


def _believable(sample_aspect_ratio: Fraction | None) -> Fraction:
    if not sample_aspect_ratio or not 1 / WIDEST_PIXEL <= sample_aspect_ratio <= WIDEST_PIXEL:
        return Fraction(1)
    return Fraction(sample_aspect_ratio)


@lru_cache(maxsize=4)
def _hdr_reformatter(*key: int) -> VideoReformatter:  # noqa: ARG001  # what its table depends on
    """Return a reformatter to share between clips: its table takes a second to compute.

    Not for two threads at once; clips are decoded in processes of their own.
    """
    return VideoReformatter()


def _matrix(frame: VideoFrame) -> Colorspace | None:
    """Return the colour matrix to assume, or None for the one that the frame states."""
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
