"""Small models that each library makes by itself, written once a process."""

from __future__ import annotations

import contextlib
import io
from functools import cache
from pathlib import Path

from tests import networks

TINY = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
TINY_IMAGE = TINY | {"image_size": 32, "patch_size": 8}
TINY_WHISPER = {
    "d_model": 16,
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 16),
}
TINY_TEXT = {
    **TINY,
    "vocab_size": 24,
    "max_position_embeddings": 16,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 0,
}


def folder(name: str) -> Path:
    path = networks.folder() / "small" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def save(output: Path, *parts) -> Path:
    """Write models, processors and tokenizers into a folder, without their progress bars."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    with contextlib.redirect_stderr(io.StringIO()):
        for part in parts:
            part.save_pretrained(output)
    return output


# --- timm and torchvision ---


@cache
def timm_file(name: str) -> Path:
    """A file of weights of a model of timm, as its state dict is saved."""
    import timm
    import torch

    torch.manual_seed(0)
    path = folder("timm") / f"{name}.pth"
    torch.save(timm.create_model(name).state_dict(), path)
    return path


@cache
def timm_folder(name: str) -> Path:
    """A folder as timm saves it for its hub."""
    import timm
    import torch

    torch.manual_seed(0)
    output = folder(f"timm-{name}")
    timm.models.save_for_hf(timm.create_model(name), output, safe_serialization=True)
    return output


@cache
def torchvision_file(name: str) -> Path:
    """A file of weights of a network of torchvision."""
    import torch

    from extract.families._torchvision_weights import build_network

    torch.manual_seed(0)
    path = folder("torchvision") / f"{name}.pth"
    torch.save(build_network(name).state_dict(), path)
    return path


def seven_classes(file: Path, output: Path, *names: str) -> Path:
    """A copy of a file of weights whose classifier has seven classes.

    Args:
        names: tensors of the classifier.
    """
    import torch

    state = torch.load(file, weights_only=True)
    torch.save(state | {name: state[name][:7] for name in names}, output)
    return output


# --- transformers ---


@cache
def clip() -> Path:
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(0)
    config = CLIPConfig(text_config=TINY_TEXT, vision_config=TINY_IMAGE, projection_dim=12)
    processor = CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return save(folder("clip"), CLIPModel(config), processor)


@cache
def dinov2() -> Path:
    import torch
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    processor = BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    return save(folder("dinov2"), Dinov2Model(Dinov2Config(**TINY_IMAGE)), processor)


@cache
def vit() -> Path:
    """A classifier, whose file has no pooler."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(0)
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    return save(folder("vit"), ViTForImageClassification(ViTConfig(**TINY_IMAGE)), processor)


@cache
def convnext() -> Path:
    import torch
    from transformers import ConvNextConfig, ConvNextImageProcessor, ConvNextModel

    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], image_size=32)
    processor = ConvNextImageProcessor(size={"shortest_edge": 32})
    return save(folder("convnext"), ConvNextModel(config), processor)


@cache
def bert(name: str = "bert") -> Path:
    """A network of texts with a tokenizer of a few words."""
    import shutil

    output = folder(name)
    shutil.copytree(networks.weights("sentence"), output, dirs_exist_ok=True)
    return output


@cache
def sentence_folder(name: str, *modules: str, prompt: str = "", **pooling) -> Path:
    """A folder that sentence-transformers itself saved."""
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.manual_seed(0)
    parts = [
        models.Transformer(str(bert()), max_seq_length=12),
        models.Pooling(24, **pooling),
        *(
            models.Dense(24, 10) if module == "Dense" else getattr(models, module)()
            for module in modules
        ),
    ]
    prompts = {"prompts": {"passage": prompt}, "default_prompt_name": "passage"} if prompt else {}
    output = folder(f"st-{name}")
    with contextlib.redirect_stderr(io.StringIO()):
        SentenceTransformer(modules=parts, device="cpu", **prompts).save(str(output))
    return output


def waveform_network(name: str, kind: str) -> Path:
    """A network of speech that reads waveforms: Wav2Vec2, Hubert or WavLM."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **TINY,
        conv_dim=[8, 8, 8, 8, 8, 8, 8],
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    network = getattr(transformers, f"{kind}Model")(config)
    return save(folder(name), network, transformers.Wav2Vec2FeatureExtractor())


@cache
def wav2vec2() -> Path:
    return waveform_network("wav2vec2", "Wav2Vec2")


@cache
def hubert() -> Path:
    return waveform_network("hubert", "Hubert")


@cache
def wavlm() -> Path:
    return waveform_network("wavlm", "WavLM")


@cache
def whisper() -> Path:
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    torch.manual_seed(0)
    config = WhisperConfig(
        **TINY_WHISPER,
        vocab_size=30,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    return save(folder("whisper"), WhisperModel(config), WhisperFeatureExtractor())


@cache
def ast() -> Path:
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    torch.manual_seed(0)
    config = ASTConfig(**TINY, max_length=64)
    return save(folder("ast"), ASTModel(config), ASTFeatureExtractor(max_length=64))


@cache
def clap() -> Path:
    return Path(networks.weights("clap"))


@cache
def videomae() -> Path:
    """As it is published: trained to restore frames, its decoder in the file."""
    import torch
    from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEImageProcessor

    torch.manual_seed(0)
    config = VideoMAEConfig(
        **TINY_IMAGE,
        num_frames=4,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_hidden_size=16,
        decoder_intermediate_size=16,
    )
    processor = VideoMAEImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return save(folder("videomae"), VideoMAEForPreTraining(config), processor)


@cache
def transcriber() -> Path:
    """Whisper with a tokenizer of single bytes; its words have no meaning."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    torch.manual_seed(0)
    names = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|startoftranscript|>", "<|en|>"]
    names += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    names += ["<|nospeech|>", "<|notimestamps|>"]
    special = names[256:]
    ids = {name: number for number, name in enumerate(names)}
    end, no_times = ids["<|endoftext|>"], ids["<|notimestamps|>"]
    tokenizer = WhisperTokenizer(vocab=ids, merges=[], additional_special_tokens=special)
    tokenizer.add_tokens([f"<|{number * 0.02:.2f}|>" for number in range(1501)])
    config = WhisperConfig(
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        vocab_size=len(names) + 1501,
        max_target_positions=32,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        suppress_tokens=None,
        begin_suppress_tokens=None,
        init_std=1.0,
    )
    network = WhisperForConditionalGeneration(config)
    network.generation_config = GenerationConfig(
        max_length=24,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        no_timestamps_token_id=no_times,
        is_multilingual=True,
        lang_to_id={"<|en|>": ids["<|en|>"]},
        task_to_id={"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]},
        max_initial_timestamp_index=50,
        return_timestamps=False,
    )
    return save(folder("transcriber"), network, tokenizer, WhisperFeatureExtractor())
