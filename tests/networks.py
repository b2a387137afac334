"""Small generated weights, in the format of the published ones, and encoders that use them.

Each set of weights is written once a process, and each encoder loaded once.
"""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from extract.catalogue import Item
from extract.encoder import ENCODERS, Encoder, Windows
from extract.media import Frames

WORDS = ("a", "cat", "dog", "plays", "the", "piano", "stocks", "fell", "on", "monday", "##s", ",")
TEXT = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}


def _processor_computes(precision: str) -> bool:
    from extract.encoders._image import check_arithmetic

    try:
        check_arithmetic("cpu", "torch", precision)
    except ValueError:
        return False
    return True


needs_bfloat16 = pytest.mark.skipif(
    not _processor_computes("bfloat16"), reason="this processor does not compute in bfloat16"
)
needs_int8 = pytest.mark.skipif(
    not _processor_computes("int8"), reason="this processor does not compute in int8"
)


@cache
def folder() -> Path:
    """The folder of the weights, for the lifetime of the process."""
    output = Path(tempfile.mkdtemp(prefix="mmgcn-networks-"))
    atexit.register(shutil.rmtree, output, ignore_errors=True)
    return output


def numbers(shape, *, seed: int = 0):
    """Repeating numbers with standard deviation 1, which are fast to generate."""
    import torch

    some = torch.randn(99_991, generator=torch.Generator().manual_seed(seed))
    count = math.prod(shape)
    return some.repeat(count // len(some) + 1)[:count].reshape(shape)


def filled(network) -> dict:
    """A state dict that preserves the scale of a signal; the network may be on `meta`."""
    state = {}
    for seed, (name, like) in enumerate(network.state_dict().items()):
        if not like.is_floating_point():
            state[name] = numbers(like.shape).abs().to(like.dtype)
        elif like.ndim > 1:
            state[name] = numbers(like.shape, seed=seed) * (2 / like[0].numel()) ** 0.5
        elif name.endswith(("running_var", "norm.weight", "bn1.weight", "bn2.weight")):
            state[name] = 1 + 0.1 * numbers(like.shape, seed=seed).abs()
        else:
            state[name] = 0.1 * numbers(like.shape, seed=seed)
    return state


@cache
def weights(name: str) -> str | None:
    """The weights of a built-in encoder: a path, or None for its default ones."""
    make = globals().get(f"_{name}")
    return None if make is None else str(make())


@cache
def loaded(name: str) -> Encoder:
    """An encoder on the CPU, with small weights unless its own are on this machine."""
    encoder = ENCODERS.get(name)(OWN.get(name, weights(name)))
    encoder.load("cpu")
    return encoder


OWN = {"sentence": "package"}  # weights that every developer has


def _resnet50() -> Path:
    import torch
    from torchvision.models import resnet50

    with torch.device("meta"):
        network = resnet50()
    state = filled(network)
    for name in state:
        if name.endswith("bn3.weight"):  # branches that add little keep the sums small
            state[name] = state[name] * 0.1
    torch.save(state, folder() / "resnet50.pth")
    return folder() / "resnet50.pth"


def _vggish() -> Path:
    import torch

    from extract.encoders.vggish import build_network

    with torch.device("meta"):
        network = build_network()
    half = {name: value.half() for name, value in filled(network).items()}
    torch.save(half, folder() / "vggish.pth")  # half the size, and half the time
    return folder() / "vggish.pth"


def small_wav2vec2_base():
    """wav2vec2_base with one layer where it has twelve, and narrow convolutions."""
    from torchaudio.models import wav2vec2_model

    return wav2vec2_model(
        extractor_mode="group_norm",
        extractor_conv_layer_config=[(32, 10, 5), *[(32, 3, 2)] * 4, *[(32, 2, 2)] * 2],
        extractor_conv_bias=False,
        encoder_embed_dim=768,
        encoder_projection_dropout=0.1,
        encoder_pos_conv_kernel=8,
        encoder_pos_conv_groups=16,
        encoder_num_layers=1,
        encoder_num_heads=12,
        encoder_attention_dropout=0.1,
        encoder_ff_interm_features=64,
        encoder_ff_interm_dropout=0.1,
        encoder_dropout=0.1,
        encoder_layer_norm_first=False,
        encoder_layer_drop=0.05,
        aux_num_out=None,
    )


def _wav2vec2() -> Path:
    import torch

    with torch.device("meta"):
        network = small_wav2vec2_base()
    torch.save(filled(network), folder() / "wav2vec2.pth")
    return folder() / "wav2vec2.pth"


def _clap() -> Path:
    import torch
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapTextConfig,
    )

    audio = ClapAudioConfig(
        patch_embeds_hidden_size=8,
        hidden_size=64,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        projection_dim=24,
    )
    text = ClapTextConfig(**TEXT, vocab_size=20, projection_dim=24)
    torch.manual_seed(0)
    output = folder() / "clap"
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=24)
    ClapModel(config).save_pretrained(output)
    ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad").save_pretrained(output)
    return output


def _sentence() -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    output = folder() / "sentence"
    output.mkdir()
    vocabulary = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)
    (output / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(str(output / "vocab.txt"), model_max_length=16).save_pretrained(output)
    config = BertConfig(**TEXT, vocab_size=len(vocabulary))
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(output)
    return output


def sample(encoder: Encoder, num_units: int, *, seed: int = 0):
    """An input of an encoder's `prepare`, with a number of units."""
    rng = np.random.default_rng(seed)
    times = np.arange(num_units, dtype=np.float64)
    if encoder.reads == "video":
        num_units *= encoder.num_window_frames
        times = np.arange(num_units, dtype=np.float64)
    if encoder.reads in ("frames", "video"):
        # A few large patches: noise alone would be averaged away by resizing.
        patches = rng.integers(0, 256, (num_units, 6, 8, 3), dtype=np.uint8)
        return Frames(patches.repeat(40, axis=1).repeat(40, axis=2), times)
    if encoder.reads == "waveform":
        num_samples = round(encoder.window_seconds * encoder.sample_rate_hz)
        loudness = rng.uniform(0.05, 0.5, (num_units, 1))
        audio = np.clip(rng.normal(size=(num_units, num_samples)) * loudness, -1, 1)
        return Windows(audio.astype(np.float32), encoder.sample_rate_hz, times)
    if encoder.reads == "text":
        return " ".join(rng.choice(WORDS, size=rng.integers(1, 40)))
    return Item(id=f"item {seed}", path=None, caption="a cat plays the piano")


def part(given, start: int, stop: int):
    """The units of a sample from start to stop, as a sample."""
    if isinstance(given, Frames):
        return Frames(given.data[start:stop], given.pts_seconds[start:stop])
    return Windows(given.data[start:stop], given.sample_rate, given.pts_seconds[start:stop])
