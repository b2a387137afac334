"""How sound is cut into windows, and where the sound of a window ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from extract.encoder import Encoder


def cut_of(encoder: Encoder) -> dict[str, Any]:
    """Return how an encoder wants sound to be cut, for its provenance."""
    return {
        "sample_rate_hz": encoder.sample_rate_hz,
        "window_seconds": encoder.window_seconds,
        "hop_seconds": encoder.hop_seconds,
        "min_window_seconds": encoder.min_window_seconds,
    }


def num_sounding(windows: np.ndarray) -> np.ndarray:
    """Return how many samples of each window come before its trailing zeros.

    The last window of a clip is filled up with zeros. A window of zeros alone counts whole: it is
    silence, not padding.

    Shapes:
        windows: (N, S); the result: (N,) int64.

    >>> num_sounding(np.array([[0.5, 0.0, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [3, 4]
    """
    trailing = (windows[:, ::-1] != 0).argmax(axis=1)  # 0 where there is no sound at all
    return np.asarray(windows.shape[1] - trailing)
