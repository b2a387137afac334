"""VideoEncoder: base class of the encoders of families that read windows of frames."""

from __future__ import annotations

from typing import Any

from extract.config import Reads
from extract.encoder import Encoder


def frame_window_settings(encoder: Encoder) -> dict[str, int | float]:
    """Return the window settings of an encoder of video, for its provenance."""
    return {
        "window_fps": encoder.window_fps,
        "num_window_frames": encoder.num_window_frames,
        "num_hop_frames": encoder.num_hop_frames,
    }


class VideoEncoder(Encoder):
    """Turns an encoder of frames into one of windows of frames, without overlap."""

    reads: Reads = "video"

    @property
    def num_hop_frames(self) -> int:  # type: ignore[override]
        """Number of frames in a window: windows do not overlap."""
        return self.num_window_frames

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the encoder of frames, and of the windows."""
        own: dict[str, Any] = super().settings  # type: ignore[safe-super]  # of frames
        return own | frame_window_settings(self)
