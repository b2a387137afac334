"""Windows of audio: their settings, and their length without padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from extract.encoder import Encoder


def window_settings(encoder: Encoder) -> dict[str, Any]:
    """Return the window settings of an encoder, for its provenance."""
    return {
        "sample_rate_hz": encoder.sample_rate_hz,
        "window_seconds": encoder.window_seconds,
        "hop_seconds": encoder.hop_seconds,
        "min_window_seconds": encoder.min_window_seconds,
    }


def num_audible_samples(windows: np.ndarray) -> np.ndarray:
    """Return the number of samples of each window before its trailing zeros.

    The last window of a clip is padded with zeros. A window of nothing but zeros counts in full: it
    is silence, not padding.

    Shapes:
        windows: (N, S); the result: (N,) int64.

    >>> num_audible_samples(np.array([[0.5, 0.0, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [3, 4]
    """
    trailing = (windows[:, ::-1] != 0).argmax(axis=1)  # 0 if all samples are zero
    return np.asarray(windows.shape[1] - trailing)
