"""VideoEncoder: shared by the encoders of families that read windows of frames."""

from __future__ import annotations

from typing import Any

from extract.config import Reads
from extract.encoder import Encoder


def frame_window_settings(encoder: Encoder) -> dict[str, int | float]:
    """Return what changes the windows of an encoder that reads video."""
    return {
        "window_fps": encoder.window_fps,
        "num_window_frames": encoder.num_window_frames,
        "num_hop_frames": encoder.num_hop_frames,
    }


class VideoEncoder(Encoder):
    """Makes an encoder of frames one of windows of frames, which do not overlap."""

    reads: Reads = "video"

    @property
    def num_hop_frames(self) -> int:  # type: ignore[override]
        """As many as in a window."""
        return self.num_window_frames

    @property
    def provenance(self) -> dict[str, Any]:
        """As of frames, and the windows."""
        own: dict[str, Any] = super().provenance  # type: ignore[safe-super]  # of frames
        return own | frame_window_settings(self)
