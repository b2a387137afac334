"""Models of the hub that are often named, for `mmgcn modalities --search`; any other will do, too.

For orientation: width, megabytes of the weights, and licence, None where it is not known. What is
fetched states its own.
"""

from __future__ import annotations

from extract.config import Reads
from extract.family import Listing


def _models(reads: Reads, *rows: tuple[str, int, float, str | None]) -> tuple[Listing, ...]:
    return tuple(
        Listing(name, reads, width=width, megabytes=megabytes, licence=licence)
        for name, width, megabytes, licence in rows
    )


HF = (
    *_models(
        "frames",
        ("openai/clip-vit-base-patch32", 512, 605, None),
        ("openai/clip-vit-large-patch14", 768, 1711, None),
        ("google/siglip-base-patch16-224", 768, 813, "apache-2.0"),
        ("facebook/dinov2-small", 384, 88, "apache-2.0"),
        ("facebook/dinov2-base", 768, 346, "apache-2.0"),
        ("google/vit-base-patch16-224", 768, 346, "apache-2.0"),
    ),
    *_models(
        "waveform",
        ("laion/clap-htsat-unfused", 512, 615, "apache-2.0"),
        ("MIT/ast-finetuned-audioset-10-10-0.4593", 768, 346, "bsd-3-clause"),
        ("openai/whisper-tiny", 384, 151, "apache-2.0"),
        ("openai/whisper-base", 512, 290, "apache-2.0"),
        ("openai/whisper-small", 768, 967, "apache-2.0"),
        ("facebook/wav2vec2-base", 768, 380, "apache-2.0"),
        ("facebook/hubert-base-ls960", 768, 378, "apache-2.0"),
        ("microsoft/wavlm-base-plus", 768, 378, None),
    ),
    *_models(
        "text",
        ("openai/clip-vit-base-patch32", 512, 605, None),
        ("google-bert/bert-base-uncased", 768, 440, "apache-2.0"),
        ("FacebookAI/xlm-roberta-base", 768, 1116, "mit"),
    ),
)
ST = _models(
    "text",
    ("sentence-transformers/all-MiniLM-L6-v2", 384, 91, "apache-2.0"),
    ("sentence-transformers/all-mpnet-base-v2", 768, 438, "apache-2.0"),
    ("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 384, 471, "apache-2.0"),
    ("intfloat/multilingual-e5-small", 384, 471, "mit"),
    ("intfloat/multilingual-e5-base", 768, 1112, "mit"),
    ("BAAI/bge-small-en-v1.5", 384, 133, "mit"),
)
