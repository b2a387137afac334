"""Search among models of the hub: well-known ones, and those in this machine's cache."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from extract import hub
from extract.config import Reads
from extract.encoders._pretrained import read_settings
from extract.family import Family, Listing
from extract.weights import model_files

# Parts of the names of model types, by the input of their networks; text if none matches.
VIDEO = ("videomae", "timesformer", "vivit")
AUDIO = ("wav2vec2", "hubert", "wavlm", "whisper", "clap", "audio", "unispeech", "data2vec-audio")
IMAGES = ("vit", "clip", "dino", "convnext", "swin", "resnet", "beit", "deit", "vision")
LICENCE = re.compile(r"^license: *([\w.-]+) *$", re.MULTILINE)


def search_hub(
    family: Family, word: str, known: Mapping[Reads, Sequence[str]], *, sentences: bool
) -> Iterator[Listing]:
    """Yield models whose names contain the word, in any case; fetches nothing.

    Width, size and licence are known only for models on this machine.

    Args:
        family: family of the models.
        known: names to list even if they are not on this machine.
        sentences: whether models of sentence-transformers are searched, or all others.
    """
    here = {name: folder for name in hub.cached_models() if (folder := hub.cached_folder(name))}
    here = {name: folder for name, folder in here.items() if model_files(folder)[0].is_file()}
    named = set()
    for reads, names in known.items():
        for name in names:
            named.add(name)
            if word.lower() not in name.lower():
                continue
            yield (
                _listing(family, name, reads, here[name]) if name in here else Listing(name, reads)
            )
    for name, folder in here.items():
        if name in named or word.lower() not in name.lower():
            continue
        if (folder / "modules.json").is_file() != sentences:
            continue
        settings = read_settings(folder, "config.json")
        kind = str(settings.get("model_type", "")) if isinstance(settings, dict) else ""
        if kind:  # otherwise it is of another library, such as timm
            yield _listing(family, name, _reads_of(kind), folder)


def _reads_of(kind: str) -> Reads:
    kinds: dict[Reads, tuple[str, ...]] = {"video": VIDEO, "waveform": AUDIO, "frames": IMAGES}
    return next(
        (reads for reads, parts in kinds.items() if any(part in kind for part in parts)), "text"
    )


def _listing(family: Family, name: str, reads: Reads, folder: Path) -> Listing:
    try:
        width = family.encoder(name, reads=reads).dim
    except (ImportError, LookupError, OSError, ValueError):
        width = None  # a kind of model that the family cannot use
    card = folder / "README.md"
    licence = LICENCE.search(card.read_text("utf-8", "replace")) if card.is_file() else None
    return Listing(
        name,
        reads,
        width=width,
        megabytes=sum(file.stat().st_size for file in model_files(folder)) / 1e6,
        licence=None if licence is None else licence[1],
        here=True,
    )
