"""Names of modalities, from names of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Modality -> words in file names, in lower case. The first match counts: title_text_features is
# textual, video_audio is acoustic.
WORDS = {
    "textual": {"text", "texts", "textual", "title", "titles", "caption", "captions", "t"},
    "acoustic": {"audio", "audios", "acoustic", "a"},
    "visual": {"image", "images", "visual", "vision", "video", "videos", "frames", "cover", "v"},
}


def modality_of(name: str) -> str | None:
    """Return the modality that a file name mentions.

    >>> modality_of("FeatureVideo_normal"), modality_of("text_feat"), modality_of("feat_a")
    ('visual', 'textual', 'acoustic')
    >>> modality_of("price") is None
    True
    """
    words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return next((modality for modality, known in WORDS.items() if words & known), None)


def name_modalities(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files by modality; several of one modality by their own names.

    >>> list(name_modalities([Path("image_feat.npy"), Path("text_feat.npy")]))
    ['visual', 'textual']
    >>> list(name_modalities([Path("image_feat.npy"), Path("video_feat.npy")]))
    ['image_feat', 'video_feat']
    """
    guessed = [modality_of(path.stem) for path in paths]
    return {
        plain_name(path.stem) if modality is None or guessed.count(modality) > 1 else modality: path
        for path, modality in zip(paths, guessed, strict=True)
    }


def plain_name(name: str) -> str:
    """Return a name of letters, digits, dashes and underscores, for a modality and its files.

    >>> plain_name("vit base, patch 16")
    'vit_base_patch_16'
    """
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "features"
