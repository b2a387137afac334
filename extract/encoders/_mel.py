"""Log-mel spectrogram of the audio encoders."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from extract.encoder import Encoder
from extract.encoders._windows import window_settings

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES, HOP_SAMPLES, FFT_SAMPLES = 400, 160, 512  # 25 ms, 10 ms
NUM_BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7_500.0
OFFSET = 0.01


def mel_settings(encoder: Encoder) -> dict[str, Any]:
    """Return what changes the spectrogram of an encoder's windows, for its provenance."""
    return {
        "spectrogram": "16 kHz, Hann 25 ms / 10 ms, 64 mel bands 125-7500 Hz, log(x + 0.01)",
        **window_settings(encoder),
    }


def log_mel(windows: np.ndarray) -> np.ndarray:
    """Return log(mel + 0.01) of each window: 64 bands of magnitude from 125 to 7,500 Hz.

    It uses periodic Hann windows of 25 ms every 10 ms without padding, and 512-point transforms.

    Shapes:
        windows: (N, S) float32 at 16 kHz; the result: (N, 1 + (S - 400) // 160, 64) float32.

    Source: Hershey et al., CNN Architectures for Large-Scale Audio Classification, ICASSP 2017.
    """
    frames = np.lib.stride_tricks.sliding_window_view(windows, FRAME_SAMPLES, axis=1)
    frames = frames[:, ::HOP_SAMPLES]  # (N, S) -> (N, F, 400)
    magnitude = np.abs(np.fft.rfft(frames * _hann(), FFT_SAMPLES))  # -> (N, F, 257)
    return np.asarray(np.log(magnitude @ mel_bands() + OFFSET), dtype=np.float32)


@cache
def _hann() -> np.ndarray:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES))


def mel(hz: np.ndarray | float) -> np.ndarray:
    """Return pitch on the mel scale (HTK's): 1127 ln(1 + hz / 700)."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))


@cache
def mel_bands() -> np.ndarray:
    """Return the weight of each frequency in each band: triangles that meet on the mel scale.

    Shapes:
        the result: (257, 64); the constant component has no weight.
    """
    bins = mel(np.linspace(0, SAMPLE_RATE_HZ / 2, FFT_SAMPLES // 2 + 1))[:, None]
    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), NUM_BANDS + 2)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rising, falling))
    bands[0] = 0.0
    return np.asarray(bands)
