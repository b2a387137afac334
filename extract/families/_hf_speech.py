"""HfSpeech: transcripts of windows of audio, by Whisper."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from extract.config import Engine, Precision
from extract.encoder import Segment
from extract.encoders._pretrained import hashes_of, load_tokenizer, required_settings
from extract.encoders._windows import num_audible_samples, window_settings
from extract.families._hf_audio import HfAudio
from extract.families._hf_folder import MORE_SETTINGS
from extract.weights import WrongWeights

NO_TOKEN = -1.0
# Whisper invents words in silence, so windows whose loudest sample is below -60 dB are skipped.
QUIETEST = 1e-3


class HfSpeech(HfAudio):
    """The tokens of the speech in each window of 30 s, which `segments` turns into words.

    They are decoded greedily, in the language that the network detects, with its timestamp tokens.
    A row contains the ids of the tokens, which float32 represents exactly, padded with -1.

    Source: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023.
    """

    precisions: tuple[Precision, ...] = ("float32",)
    batch_units = 4

    @cached_property
    def dim(self) -> int:  # type: ignore[override]  # that of the network
        """Maximum number of tokens of a window: twice what the network decodes at once.

        It decodes a window in several parts if its timestamps end early. Further tokens, which only
        repetitions reach, are dropped.

        Raises:
            WrongWeights: the folder contains another network than Whisper.
        """
        if self.config.model_type != "whisper":
            raise WrongWeights(
                f"{self.folder} contains a network '{self.config.model_type}'; a Whisper network "
                "is expected"
            )
        return 2 * int(self.config.max_target_positions)

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the folder's weights and settings, also of those of decoding."""
        return hashes_of(self.folder, more=(*MORE_SETTINGS, "generation_config.json"))

    @property
    def settings(self) -> dict[str, Any]:
        """Network, rules of decoding, and windows."""
        return {
            "network": self.config.model_type,
            "decoding": "greedy, with timestamps, without padding",
            "quietest": QUIETEST,
            **window_settings(self),
        }

    @property
    def cosine(self) -> None:
        """None, since it computes in float32."""
        return

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        from transformers import AutoModelForSpeechSeq2Seq

        network, _ = self.load_network(AutoModelForSpeechSeq2Seq, "network for speech")
        if getattr(network.generation_config, "no_timestamps_token_id", None) is None:
            required_settings(self.folder, "generation_config.json")
            raise WrongWeights(
                f"generation_config.json of {self.folder} has no no_timestamps_token_id, without "
                "which Whisper states no times; copy that of the published network"
            )
        _ = self._tokenizer
        self._speech = network.to(device)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, S) float32; the result: (N, D) float32."""
        import torch

        rows = np.full((len(units), self.dim), NO_TOKEN, dtype=np.float32)
        lengths = num_audible_samples(units)
        heard = np.flatnonzero(np.abs(units).max(axis=1) >= QUIETEST)
        if len(heard):
            features = torch.cat([self._features(units[i][: lengths[i]]) for i in heard])
            network = self._speech
            languages = getattr(network.generation_config, "is_multilingual", False)
            tokens = network.generate(
                features.to(network.device),
                attention_mask=torch.ones_like(features[:, 0], dtype=torch.int64),
                return_timestamps=True,
                do_sample=False,
                num_beams=1,
                **({"task": "transcribe"} if languages else {}),
            )
            settings = network.generation_config
            given = (settings.eos_token_id, settings.pad_token_id)
            ends = np.hstack([each for each in given if each is not None])
            for index, ids in zip(heard, tokens.cpu().numpy(), strict=True):
                kept = _without_padding(ids, ends)[: self.dim]
                rows[index, : len(kept)] = kept
        return rows

    def segments(self, rows: np.ndarray, pts_seconds: np.ndarray) -> tuple[Segment, ...]:
        """Return the segments of speech in the windows of a clip.

        Shapes:
            rows: (N, D); pts_seconds: (N,), start of each window.
        """
        found: list[Segment] = []
        for row, start in zip(rows, pts_seconds.tolist(), strict=True):
            ids = row[row != NO_TOKEN].astype(np.int64).tolist()
            if not ids:
                continue
            spoken = self._tokenizer.decode(ids, output_offsets=True, skip_special_tokens=True)
            parts = [(part["text"], *part["timestamp"]) for part in spoken["offsets"]]
            if "".join(text for text, *_ in parts).split() != spoken["text"].split():
                # Words without a timestamp before and after them may be anywhere in the window.
                parts = [(spoken["text"], 0.0, self.window_seconds)]
            for text, begin, end in parts:
                if words := " ".join(text.split()):
                    found.append((round(start + begin, 3), round(start + end, 3), words))
        return tuple(found)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self.folder)


def _without_padding(ids: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return ids up to the last token of the text: others in the batch may be longer.

    >>> _without_padding(np.array([7, 9, 5, 9, 9]), np.array([9])).tolist()
    [7, 9, 5]
    """
    texts = np.flatnonzero(~np.isin(ids, ends))
    return ids[: texts[-1] + 1] if len(texts) else ids[:0]
