"""Log-mel statistics of audio, without weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Encoder, Windows
from extract.encoders._mel import log_mel, mel_settings


class LogMel(Encoder):
    """Mean, standard deviation and mean absolute change of 64 log-mel bands, a row per 0.96 s.

    It is not learned: it separates music, speech and noise, but represents little of their content.
    """

    name: str = "logmel"
    reads: Reads = "waveform"
    dim = 192
    batch_units = 1  # there is no network, so no clip has to wait for a full batch
    window_seconds: float = 0.975
    hop_seconds: float = 0.96

    @property
    def settings(self) -> dict[str, Any]:
        """The spectrogram, the statistics and the windows."""
        return {"statistics": ["mean", "std", "mean absolute change"], **mel_settings(self)}

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Do nothing: there are no weights."""

    def prepare(self, sample: Windows) -> np.ndarray:
        """Shapes: sample.data: (N, S) float32; the result: (N, 192) float32."""
        bands = log_mel(sample.data)  # (N, F, 64)
        change = np.abs(np.diff(bands, axis=1)).mean(axis=1)
        return np.concatenate([bands.mean(axis=1), bands.std(axis=1), change], axis=1)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units and the result: (N, 192) float32."""
        return units


ENCODER = LogMel
