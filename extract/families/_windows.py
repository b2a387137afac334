"""Settings of windows of frames, for provenance."""

from __future__ import annotations

from extract.encoder import Encoder


def frame_window_settings(encoder: Encoder) -> dict[str, int | float]:
    """Return what changes the windows of an encoder that reads video."""
    return {
        "window_fps": encoder.window_fps,
        "num_window_frames": encoder.num_window_frames,
        "num_hop_frames": encoder.num_hop_frames,
    }
