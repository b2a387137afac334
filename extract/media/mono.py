"""Downmix of decoded audio frames to mono."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from av.audio.frame import format_dtypes

if TYPE_CHECKING:
    from av import AudioFrame

# Downmix weight of each channel, before they are normalised to sum to one (ITU-R BS.775: left and
# right 3 dB and the surrounds 6 dB below the centre, low-frequency effects excluded).
WEIGHTS = {
    **dict.fromkeys(("FC", "BC"), 1.0),
    **dict.fromkeys(("FL", "FR", "FLC", "FRC", "DL", "DR"), 0.5**0.5),
    **dict.fromkeys(("BL", "BR", "SL", "SR"), 0.5),
    **dict.fromkeys(("LFE", "LFE2"), 0.0),
}
FULL_SCALE = {"u1": 128.0, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}


def to_mono(frame: AudioFrame) -> np.ndarray:
    """Return the weighted mean of the channels, (S,) float32, never above full scale."""
    weights = _normalised_weights(tuple(channel.name for channel in frame.layout.channels))
    # Not frame.to_ndarray(): with eight or more channels, PyAV 18.1 reads past the last plane
    # (AudioFrame.planes counts pointers up to a null), into arbitrary memory.
    num_planes = len(weights) if frame.format.is_planar else 1
    planes = [memoryview(plane) for plane in frame.planes[:num_planes]]
    num_samples = frame.samples * len(weights) // len(planes)
    dtype = format_dtypes[frame.format.name]
    samples = np.stack([np.frombuffer(plane, dtype, num_samples) for plane in planes])  # (C, S)
    if not frame.format.is_planar:  # (1, S * C) -> (C, S)
        samples = samples.reshape(-1, len(weights)).T
    scale = FULL_SCALE[samples.dtype.str[1:]]
    samples = samples.astype(np.float32) / np.float32(scale)
    if scale == FULL_SCALE["u1"]:  # unsigned: silence is 128
        samples -= 1
    mono: np.ndarray = weights @ samples  # (C,) @ (C, S) -> (S,)
    if not np.isfinite(mono).all():
        np.nan_to_num(mono, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return mono


@lru_cache
def _normalised_weights(channels: tuple[str, ...]) -> np.ndarray:
    """Return the normalised weight of each channel, (C,) float32, summing to one."""
    weights = np.array([WEIGHTS.get(name, 1.0) for name in channels], dtype=np.float32)
    if not weights.any():
        weights[:] = 1
    normalised: np.ndarray = weights / weights.sum()
    return normalised
