"""CLAP: embeddings of sound and music, in one space with text.

Source: Wu et al., Large-scale Contrastive Language-Audio Pretraining, ICASSP 2023. Network from
transformers, weights `laion/clap-htsat-unfused` (Apache-2.0).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Encoder, Windows
from extract.encoders._pretrained import (
    hashes_of,
    load_network,
    load_part,
    read_settings,
    require_folder,
)
from extract.encoders._windows import num_audible_samples, window_settings
from extract.weights import Weights, WrongWeights, resolve

UNFUSED = Weights.of_hub(
    "laion/clap-htsat-unfused", name="clap-htsat-unfused", licence="Apache-2.0"
)


class Clap(Encoder):
    """The projected audio embedding, of length one, a row per 10 s of audio.

    Audio shorter than 10 s is repeated as often as it fits, as in the network's training.
    """

    name: str = "clap"
    reads: Reads = "waveform"
    weights: Weights | None = UNFUSED
    batch_units = 4
    sample_rate_hz: int = 48_000
    window_seconds: float = 10.0
    hop_seconds: float = 10.0
    min_window_seconds: float = 1.0

    def _path(self) -> Path:
        return require_folder(resolve(UNFUSED, self.given_weights))

    @cached_property
    def dim(self) -> int:  # type: ignore[override]  # read from the folder of weights
        """512 for the default weights, or the width of the given ones."""
        if self.given_weights is None:
            return 512
        return int(read_settings(self._path(), "config.json").get("projection_dim", 512))

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the weights and of the spectrogram's settings."""
        return hashes_of(self._path())

    @property
    def settings(self) -> dict[str, Any]:
        """Padding and windows."""
        return {
            "padding": "repeated while it fits whole, then silence",
            **window_settings(self),
        }

    @cached_property
    def _extractor(self) -> Any:
        from transformers import ClapFeatureExtractor

        path = self._path()
        found = load_part(ClapFeatureExtractor.from_pretrained, path, "CLAP feature extractor")
        if found.truncation == "fusion":
            # A fused network reads several random crops of a clip at once.
            raise WrongWeights(f"{path} contains a fused CLAP network; an unfused one is expected")
        if found.sampling_rate != self.sample_rate_hz:
            raise WrongWeights(
                f"{path} contains a CLAP network for {found.sampling_rate} Hz; one for "
                f"{self.sample_rate_hz} Hz is expected"
            )
        return found

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        from transformers import ClapModel

        _ = self._extractor  # raises here, not at the first clip
        self._device = device
        self._network = load_network(ClapModel, self._path(), "CLAP network").to(device)

    def prepare(self, sample: Windows) -> np.ndarray:
        """Shapes: sample.data: (N, 480000) float32; the result: (N, 1, F, 64) float32."""
        lengths = num_audible_samples(sample.data)
        waveforms = [window[:end] for window, end in zip(sample.data, lengths, strict=True)]
        features = self._extractor(
            waveforms, sampling_rate=self.sample_rate_hz, padding="repeatpad", return_tensors="np"
        )
        return np.asarray(features["input_features"], dtype=np.float32)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 1, F, 64) float32; the result: (N, 512) float32."""
        import torch

        with torch.inference_mode():
            found = self._network.get_audio_features(torch.from_numpy(units).to(self._device))
            rows = getattr(found, "pooler_output", found)  # a tensor itself before transformers 5
            rows = torch.nn.functional.normalize(rows.float(), dim=-1)
        return np.asarray(rows.cpu().numpy())


ENCODER = Clap
