"""wav2vec 2.0 and HuBERT: speech representations.

Source: Baevski, Zhou, Mohamed, Auli: wav2vec 2.0, NeurIPS 2020; Hsu et al.: HuBERT, TASLP 2021.
Networks and weights are those of torchaudio's pipelines (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Windows
from extract.encoders._file import FileEncoder
from extract.encoders._windows import num_audible_samples, window_settings
from extract.extras import require
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import Weights

if TYPE_CHECKING:
    import torch


def _published(name: str, file_name: str) -> Weights:
    where = f"https://download.pytorch.org/torchaudio/models/{file_name}"
    return Weights(name=name, kind="url", where=where, sha256=None, licence="MIT")


# Named as in torchaudio.pipelines.
BASE = _published("WAV2VEC2_BASE", "wav2vec2_fairseq_base_ls960.pth")
LARGE = _published("WAV2VEC2_LARGE", "wav2vec2_fairseq_large_ls960.pth")
LARGE_LV60K = _published("WAV2VEC2_LARGE_LV60K", "wav2vec2_fairseq_large_lv60k.pth")
XLSR53 = _published("WAV2VEC2_XLSR53", "wav2vec2_fairseq_large_xlsr53.pth")
HUBERT_BASE = _published("HUBERT_BASE", "hubert_fairseq_base_ls960.pth")
HUBERT_LARGE = _published("HUBERT_LARGE", "hubert_fairseq_large_ll60k.pth")
SIBLINGS = (LARGE, LARGE_LV60K, XLSR53, HUBERT_BASE, HUBERT_LARGE)


@dataclass(frozen=True)
class Network:
    """A network: its name in torchaudio.models, its width, and whether its input is normalised."""

    builder: str
    dim: int
    normalises: bool = False  # trained on audio of mean 0 and variance 1


NETWORKS = {
    BASE: Network("wav2vec2_base", 768),
    LARGE: Network("wav2vec2_large", 1024),
    LARGE_LV60K: Network("wav2vec2_large_lv60k", 1024, normalises=True),
    XLSR53: Network("wav2vec2_large_lv60k", 1024, normalises=True),
    HUBERT_BASE: Network("hubert_base", 768),
    HUBERT_LARGE: Network("hubert_large", 1024, normalises=True),
}
SHORTEST_SAMPLES = 400  # of one frame of the network


class Wav2Vec2(FileEncoder):
    """The mean over time of the last hidden layer, a row per 5 s of audio.

    The mean excludes the padding of a clip's last window. Rows are 768 wide, or 1,024 for the large
    networks. A file of weights belongs to the network whose published file has the same name, or
    else to WAV2VEC2_BASE.
    """

    name: str = "wav2vec2"
    reads: Reads = "waveform"
    weights: Weights | None = BASE
    siblings = SIBLINGS
    batch_units = 4
    window_seconds: float = 5.0
    hop_seconds: float = 5.0
    min_window_seconds: float = 1.0

    def __init__(self, weights: str | None = None) -> None:
        super().__init__(weights)
        named = (weights, Path(weights).name) if weights else ()
        self._like = next((s for s in SIBLINGS if s.name in named or s.file_name in named), BASE)
        self.dim = NETWORKS[self._like].dim

    @property
    def settings(self) -> dict[str, Any]:
        """Network, layer and windows."""
        return {
            "network": self._like.name,
            "layer": "last, mean over the sound",
            **window_settings(self),
        }

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        require("torchaudio", purpose="wav2vec2", extra="wav2vec2")
        from torchaudio import models

        path = self._path()
        network = getattr(models, NETWORKS[self._like].builder)()
        fit_state_dict(network, _renamed(load_state_dict(path)), path)
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device)

    def prepare(self, sample: Windows) -> np.ndarray:
        """Shapes: sample.data and the result: (N, 80000) float32."""
        return np.asarray(sample.data)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 80000) float32; the result: (N, D) float32."""
        import torch

        lengths = torch.from_numpy(num_audible_samples(units)).clamp(min=SHORTEST_SAMPLES)
        waves = torch.from_numpy(units)
        with torch.inference_mode():
            if NETWORKS[self._like].normalises:
                waves = _normalised(waves, lengths)
            states, ends = self._network(waves.to(self._device), lengths.to(self._device))
            times = torch.arange(states.shape[1], device=states.device)
            audible = (times < ends.unsqueeze(1)).unsqueeze(-1)  # (N, frames, 1)
            rows = states.masked_fill(~audible, 0.0).sum(dim=1) / ends.unsqueeze(1)
        return np.asarray(rows.float().cpu().numpy())


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Rename the parts of the weight-normalised tensor to their names since torch 2.0."""
    conv = "encoder.transformer.pos_conv_embed.conv"
    new = {
        f"{conv}.weight_g": f"{conv}.parametrizations.weight.original0",
        f"{conv}.weight_v": f"{conv}.parametrizations.weight.original1",
    }
    return {new.get(name, name): value for name, value in state.items()}


def _normalised(waves: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Normalise the audio of each window to mean 0 and variance 1; its padding stays 0.

    torchaudio's wrapper normalises over the full batch, which would make rows depend on each other.
    """
    import torch

    audible = torch.arange(waves.shape[1]) < lengths.unsqueeze(1)
    count = lengths.unsqueeze(1)
    centred = (waves - waves.sum(dim=1, keepdim=True) / count) * audible
    variance = (centred**2).sum(dim=1, keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-5)


ENCODER = Wav2Vec2
