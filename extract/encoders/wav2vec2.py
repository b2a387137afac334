"""wav2vec 2.0: how speech sounds.

Source: Baevski, Zhou, Mohamed, Auli: wav2vec 2.0, NeurIPS 2020. Network and weights from
torchaudio's pipelines (MIT).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from extract.encoder import Encoder, Engine, Reads
from extract.weights import Weights, fit_state_dict, load_state_dict, resolve, sha256_of

BASE = Weights(
    name="WAV2VEC2_BASE",
    kind="url",
    where="https://download.pytorch.org/torchaudio/models/wav2vec2_fairseq_base_ls960.pth",
    sha256=None,
    licence="MIT",
)


class Wav2Vec2(Encoder):
    """The mean over time of the last transformer layer, 768 wide, a row per 5 s of sound."""

    name: ClassVar[str] = "wav2vec2"
    reads: ClassVar[Reads] = "waveform"
    weights: ClassVar[Weights | None] = BASE
    dim = 768
    batch_units = 4
    window_seconds: ClassVar[float] = 5.0
    hop_seconds: ClassVar[float] = 5.0

    def _path(self) -> Path:
        return resolve(BASE, self.given_weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, weights by hash, and how the sound is cut."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "layer": "last, mean over time",
            "window_seconds": self.window_seconds,
        }

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        from torchaudio.models import wav2vec2_base

        path = self._path()
        network = wav2vec2_base()
        fit_state_dict(network, load_state_dict(path), path)
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device)

    def prepare(self, sample: Any) -> np.ndarray:
        """Shapes: sample.data and the result: (N, 80000) float32."""
        return np.asarray(sample.data)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 80000) float32; the result: (N, 768) float32."""
        import torch

        with torch.inference_mode():
            layers, _ = self._network.extract_features(torch.from_numpy(units).to(self._device))
            rows: np.ndarray = layers[-1].mean(dim=1).float().cpu().numpy()
        return rows


ENCODER = Wav2Vec2
