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
