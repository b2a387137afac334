"""Search among models of the hub: those that are often named, and those in this machine's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from extract import hub
from extract.encoders._pretrained import read_settings
from extract.family import Listing
from extract.weights import model_files

# Parts of the names of model types, by what their networks read; text where none is found.
AUDIO = ("wav2vec2", "hubert", "wavlm", "whisper", "clap", "audio", "unispeech", "data2vec-audio")
IMAGES = ("vit", "clip", "dino", "convnext", "swin", "resnet", "beit", "deit", "vision")


def search_hub(word: str, known: Iterable[Listing], *, sentences: bool) -> Iterator[Listing]:
    """Yield models whose names contain the word, lower or upper case; fetches nothing.

    Args:
        known: models that are listed whether they are here or not.
        sentences: whether models of sentence-transformers are searched, or all others.
    """
    here = {name: folder for name in hub.cached_models() if (folder := hub.cached_folder(name))}
    here = {name: folder for name, folder in here.items() if model_files(folder)[0].is_file()}
    named = set()
    for listing in known:
        named.add(listing.name)
        if word.lower() in listing.name.lower():
            yield replace(listing, here=listing.name in here)
    for name, folder in here.items():
        if name in named or word.lower() not in name.lower():
            continue
        if (folder / "modules.json").is_file() != sentences:
            continue
        settings = read_settings(folder, "config.json")
        kind = str(settings.get("model_type", "")) if isinstance(settings, dict) else ""
        if not kind:  # of another library, such as timm
            continue
        reads = next(
            (
                reads
                for parts, reads in ((AUDIO, "waveform"), (IMAGES, "frames"))
                if any(part in kind for part in parts)
            ),
            "text",
        )
        megabytes = sum(file.stat().st_size for file in model_files(folder)) / 1e6
        width = settings.get("projection_dim") or settings.get("hidden_size")
        yield Listing(name, reads, width=width, megabytes=megabytes, here=True)  # type: ignore[arg-type]
