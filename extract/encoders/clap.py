"""CLAP: sound and music, in one space with text.

Source: Wu et al., Large-scale Contrastive Language-Audio Pretraining, ICASSP 2023. Network from
transformers, weights `laion/clap-htsat-unfused` (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from extract.encoder import Encoder, Engine, Reads
from extract.weights import Weights, WrongWeights, resolve, sha256_of

UNFUSED = Weights(
    name="clap-htsat-unfused",
    kind="hub",
    where="laion/clap-htsat-unfused",
    sha256=None,
    licence="Apache-2.0",
)


class Clap(Encoder):
    """The projected audio embedding, 512 wide and of length one, a row per 10 s of sound."""

    name: ClassVar[str] = "clap"
    reads: ClassVar[Reads] = "waveform"
    weights: ClassVar[Weights | None] = UNFUSED
    dim = 512
    batch_units = 4
    sample_rate_hz: ClassVar[int] = 48_000
    window_seconds: ClassVar[float] = 10.0
    hop_seconds: ClassVar[float] = 10.0

    def _path(self) -> Path:
        return resolve(UNFUSED, self.given_weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, weights by hash, and how the sound is cut."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "window_seconds": self.window_seconds,
        }

    def _features(self) -> Any:
        if not hasattr(self, "_extractor"):
            from transformers import ClapFeatureExtractor

            self._extractor = ClapFeatureExtractor.from_pretrained(
                self._path(), local_files_only=True
            )
        return self._extractor

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        from transformers import ClapModel
        from transformers.utils import logging

        path = self._path()
        logging.disable_progress_bar()
        try:
            network = ClapModel.from_pretrained(path, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise WrongWeights(f"{path} holds no CLAP model: {error}") from error
        self.dim = network.config.projection_dim
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device)

    def prepare(self, sample: Any) -> np.ndarray:
        """Shapes: sample.data: (N, 480000) float32; the result: (N, 1, F, 64) float32."""
        made = self._features()(
            list(sample.data), sampling_rate=self.sample_rate_hz, return_tensors="np"
        )
        return np.asarray(made["input_features"], dtype=np.float32)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 1, F, 64) float32; the result: (N, 512) float32."""
        import torch

        with torch.inference_mode():
            found = self._network.get_audio_features(torch.from_numpy(units).to(self._device))
            rows = getattr(found, "pooler_output", found)
            rows = torch.nn.functional.normalize(rows.float(), dim=-1)
        return np.asarray(rows.cpu().numpy())


ENCODER = Clap
