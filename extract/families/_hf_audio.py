"""HfAudio: windows of audio by a network of transformers."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Windows
from extract.encoders._pretrained import NO_CODE, load_part
from extract.encoders._windows import num_audible_samples, window_settings
from extract.families._encoder import MeasuredEncoder
from extract.families._hf_folder import FolderEncoder
from extract.families._hf_states import numbered_states
from extract.families._network import Forward, FrozenNetwork, Measures, check_precision, measure
from extract.weights import WrongWeights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WHAT = "network for audio"
WAVEFORM_SECONDS = 5.0  # length of a window, for networks that take any length
SHORTEST_SAMPLES = 400  # of one frame of wav2vec 2.0 and its relatives


class HfAudio(FolderEncoder, MeasuredEncoder):
    """A row per window of audio, with the folder's own feature extractor.

    - CLAP: the projected audio, windows of 10 s.
    - AST: the pooled output, windows of as many frames as it reads (10.24 s).
    - Whisper: the mean of the encoder's states over the audio, windows of 30 s, silence excluded.
    - wav2vec 2.0, HuBERT, WavLM and others that read waveforms: the mean of the last states,
      windows of 5 s. The last window of a clip is encoded without padding.

    A layer is the number of a hidden state; its row is the mean over time.
    """

    family = "hf"
    reads: Reads = "waveform"
    min_window_seconds: float = 1.0

    @cached_property
    def _extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        load = partial(AutoFeatureExtractor.from_pretrained, **NO_CODE)
        found = load_part(load, self.folder, "feature extractor for audio")
        if getattr(found, "truncation", None) == "fusion":
            # A fused network reads several random crops of a clip at once.
            raise WrongWeights(
                f"{self.folder} contains a fused CLAP network; an unfused one is expected"
            )
        if not getattr(found, "sampling_rate", None):
            raise WrongWeights(f"{self.folder} contains a feature extractor that is not for audio")
        return found

    @cached_property
    def sample_rate_hz(self) -> int:  # type: ignore[override]  # that of the weights
        """Sample rate of the folder's feature extractor."""
        return int(self._extractor.sampling_rate)

    @cached_property
    def window_seconds(self) -> float:  # type: ignore[override]  # that of the weights
        """Seconds of audio that the network reads at once."""
        own = self._extractor
        for name in ("max_length_s", "chunk_length"):
            if seconds := getattr(own, name, None):
                return float(seconds)
        if frames := getattr(own, "max_length", None):
            return float(frames) * 0.01  # AST: a frame per 10 ms
        return WAVEFORM_SECONDS

    @property
    def hop_seconds(self) -> float:  # type: ignore[override]
        """Length of a window: windows do not overlap."""
        return self.window_seconds

    @property
    def settings(self) -> dict[str, Any]:
        """Network, layer, windows, and library of the spectrogram."""
        message = super().settings | window_settings(self)
        if self.config.model_type == "audio-spectrogram-transformer":
            from transformers.utils import is_speech_available

            # The extractor uses torchaudio if that is installed.
            message["spectrogram"] = "torchaudio" if is_speech_available() else "numpy"
        return message

    @cached_property
    def _measures(self) -> Measures:
        unit = self._features(np.zeros(self._window_samples, dtype=np.float32))
        return measure(self._build, self._forward, tuple(unit.shape[1:]))

    @property
    def _window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    def check(self, device: str, *, engine: Engine = "torch") -> None:
        """See `Encoder`. The engine applies to image encoders and is ignored."""
        check_precision(self.name, device, "torch", self.precision)

    def _build(self) -> Any:
        from transformers import AutoModel

        return _audio_alone(AutoModel.from_config(self.config, **NO_CODE))

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        from transformers import AutoModel

        network, _ = self.load_network(AutoModel, WHAT)
        self._network = FrozenNetwork(
            _audio_alone(network), self._forward, device=device, precision=self.precision
        )

    def prepare(self, sample: Windows) -> np.ndarray:
        """Shapes: sample.data and the result: (N, S) float32."""
        return np.asarray(sample.data)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, S) float32; the result: (N, D) float32."""
        import torch

        lengths = num_audible_samples(units)
        if self._reads_waveforms:
            # One by one: padding would affect the row of networks without a mask.
            alone = [
                self._network(self._features(unit[: max(length, SHORTEST_SAMPLES)]))
                for unit, length in zip(units, lengths, strict=True)
            ]
            return np.concatenate(alone)
        features = [
            self._features(unit[:length]) for unit, length in zip(units, lengths, strict=True)
        ]
        parts = torch.from_numpy(lengths / units.shape[1])
        return self._network(torch.cat(features), parts)

    @cached_property
    def _reads_waveforms(self) -> bool:
        return self._features(np.zeros(self._window_samples, dtype=np.float32)).ndim == 2

    @property
    def _forward(self) -> Forward:
        layer = self.reference.layer
        return partial(_rows, index=None if layer is None else int(layer))

    def _features(self, samples: np.ndarray) -> torch.Tensor:
        """Return the feature extractor's output for the audio of one window.

        Shapes:
            samples: (S,); the result: (1, ...).
        """
        found = self._extractor(samples, sampling_rate=self.sample_rate_hz, return_tensors="pt")
        features: torch.Tensor = found[self._extractor.model_input_names[0]]
        return features.float()


def _audio_alone(network: PreTrainedModel) -> PreTrainedModel:
    """Return the part of a network that encodes audio."""
    if hasattr(network, "get_audio_features") and hasattr(network, "text_model"):
        del network.text_model
    if getattr(network.config, "is_encoder_decoder", False):
        return network.get_encoder()
    return network


def _rows(
    network: PreTrainedModel,
    batch: torch.Tensor,
    parts: torch.Tensor | None = None,
    *,
    index: int | None = None,
) -> torch.Tensor:
    """Return the rows of windows.

    Args:
        parts: share of each window that is audio, not padding; None if all of it is.
        index: number of a hidden state to use instead of the network's output.

    Shapes:
        batch: (N, ...); parts: (N,), in (0, 1]; the result: (N, D).
    """
    import torch

    rows: torch.Tensor
    if index is None and hasattr(network, "get_audio_features"):
        found = network.get_audio_features(input_features=batch)
        rows = getattr(found, "pooler_output", found)  # a tensor itself before transformers 5
        return rows
    network = getattr(network, "audio_model", network)
    found = network(batch, output_hidden_states=index is not None)
    pooled = getattr(found, "pooler_output", None)
    if index is None and pooled is not None:
        rows = pooled
        return rows
    states: torch.Tensor = found.last_hidden_state
    if index is not None:
        states = numbered_states(found.hidden_states, index)
    if states.ndim == 4:
        return states.flatten(2).mean(dim=2)  # (N, D, H, W) -> (N, D)
    if parts is None or network.config.model_type != "whisper":
        return states.mean(dim=1)  # (N, T, D) -> (N, D)
    counts = (parts * states.shape[1]).ceil().clamp(min=1).unsqueeze(1)  # (N, 1)
    weight = (torch.arange(states.shape[1], device=states.device) < counts).unsqueeze(-1)
    return (states * weight).sum(dim=1) / counts
