"""Small models created by each library itself, written once per process."""

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
CROP = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
TINY_WHISPER = {
    "d_model": 16,
    **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens")),
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


def network(name: str, *, config: str | None = None, **settings):
    """A network of transformers with weights from seed 0, `NAMEModel` of `NAMEConfig` by default.

    Args:
        config: kind of its configuration, where the network has another head.
        settings: of the configuration.
    """
    import torch
    import transformers

    torch.manual_seed(0)
    kind = name if config else f"{name}Model"
    return getattr(transformers, kind)(getattr(transformers, f"{config or name}Config")(**settings))


def processor(name: str, **settings):
    """A processor, feature extractor or tokenizer of transformers."""
    import transformers

    return getattr(transformers, name)(**settings)


@cache
def clip() -> Path:
    settings = {"text_config": TINY_TEXT, "vision_config": TINY_IMAGE, "projection_dim": 12}
    return save(
        folder("clip"), network("CLIP", **settings), processor("CLIPImageProcessor", **CROP)
    )


@cache
def dinov2() -> Path:
    crop = CROP | {"size": {"shortest_edge": 36}}
    return save(
        folder("dinov2"), network("Dinov2", **TINY_IMAGE), processor("BitImageProcessor", **crop)
    )


@cache
def vit() -> Path:
    """A classifier, whose file has no pooler."""
    classifier = network("ViTForImageClassification", config="ViT", **TINY_IMAGE)
    return save(folder("vit"), classifier, processor("ViTImageProcessor", size=CROP["crop_size"]))


@cache
def convnext() -> Path:
    settings = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "image_size": 32}
    resize = processor("ConvNextImageProcessor", size=CROP["size"])
    return save(folder("convnext"), network("ConvNext", **settings), resize)


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
    convolutions = {
        "conv_dim": [8, 8, 8, 8, 8, 8, 8],
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    model = network(kind, **TINY, **convolutions)
    return save(folder(name), model, processor("Wav2Vec2FeatureExtractor"))


@cache
def wav2vec2() -> Path:
    return waveform_network("wav2vec2", "Wav2Vec2")


@cache
def hubert() -> Path:
    return waveform_network("hubert", "Hubert")


@cache
def wavlm() -> Path:
    return waveform_network("wavlm", "WavLM")


def whisper_tokens(start: int, end: int) -> dict[str, int]:
    """The tokens that begin and end Whisper's output, by their names in a configuration."""
    ends = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), end)
    return ends | {"decoder_start_token_id": start}


@cache
def whisper() -> Path:
    model = network("Whisper", **TINY_WHISPER, vocab_size=30, **whisper_tokens(1, 2))
    return save(folder("whisper"), model, processor("WhisperFeatureExtractor"))


@cache
def ast() -> Path:
    length = {"max_length": 64}
    model = network("AST", **TINY, **length)
    return save(folder("ast"), model, processor("ASTFeatureExtractor", **length))


@cache
def clap() -> Path:
    return Path(networks.weights("clap"))


@cache
def videomae() -> Path:
    """As it is published: trained to restore frames, its decoder in the file."""
    decoder = {
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "decoder_hidden_size": 16,
        "decoder_intermediate_size": 16,
    }
    settings = TINY_IMAGE | decoder | {"num_frames": 4}
    model = network("VideoMAEForPreTraining", config="VideoMAE", **settings)
    return save(folder("videomae"), model, processor("VideoMAEImageProcessor", **CROP))


@cache
def vivit() -> Path:
    """A classifier, as it is published: its file has no pooler."""
    import torch
    from transformers import VivitConfig, VivitForVideoClassification, VivitImageProcessor

    torch.manual_seed(0)
    config = VivitConfig(**TINY, image_size=32, num_frames=4, tubelet_size=[2, 8, 8])
    processor = VivitImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return save(folder("vivit"), VivitForVideoClassification(config), processor)


@cache
def timesformer() -> Path:
    """A classifier, as it is published, with the image processor of VideoMAE."""
    import torch
    from transformers import (
        TimesformerConfig,
        TimesformerForVideoClassification,
        VideoMAEImageProcessor,
    )

    torch.manual_seed(0)
    config = TimesformerConfig(**TINY_IMAGE, num_frames=4)
    processor = VideoMAEImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return save(folder("timesformer"), TimesformerForVideoClassification(config), processor)


@cache
def transcriber() -> Path:
    """Whisper with a tokenizer of single bytes; its words have no meaning."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import GenerationConfig

    names = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|startoftranscript|>", "<|en|>"]
    names += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    names += ["<|nospeech|>", "<|notimestamps|>"]
    special = names[256:]
    ids = {name: number for number, name in enumerate(names)}
    end, no_times = ids["<|endoftext|>"], ids["<|notimestamps|>"]
    tokenizer = processor(
        "WhisperTokenizer", vocab=ids, merges=[], additional_special_tokens=special
    )
    tokenizer.add_tokens([f"<|{number * 0.02:.2f}|>" for number in range(1501)])
    tokens = whisper_tokens(ids["<|startoftranscript|>"], end)
    settings = {"vocab_size": len(names) + 1501, "max_target_positions": 32, "init_std": 1.0}
    model = network(
        "WhisperForConditionalGeneration", config="Whisper", **TINY_WHISPER, **tokens, **settings
    )
    model.generation_config = GenerationConfig(
        **tokens,
        max_length=24,
        no_timestamps_token_id=no_times,
        is_multilingual=True,
        lang_to_id={"<|en|>": ids["<|en|>"]},
        task_to_id={"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]},
        max_initial_timestamp_index=50,
        return_timestamps=False,
    )
    return save(folder("transcriber"), model, tokenizer, processor("WhisperFeatureExtractor"))
