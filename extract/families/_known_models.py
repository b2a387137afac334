"""Names of models of the hub to list in `mmgcn modalities --search`; others work, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extract.config import Reads

HF: Mapping[Reads, Sequence[str]] = {
    "frames": (
        "openai/clip-vit-base-patch32",
        "openai/clip-vit-large-patch14",
        "google/siglip-base-patch16-224",
        "facebook/dinov2-small",
        "facebook/dinov2-base",
        "google/vit-base-patch16-224",
    ),
    "video": (
        "MCG-NJU/videomae-base",
        "MCG-NJU/videomae-base-finetuned-kinetics",
        "google/vivit-b-16x2-kinetics400",
        "facebook/timesformer-base-finetuned-k400",
    ),
    "waveform": (
        "laion/clap-htsat-unfused",
        "MIT/ast-finetuned-audioset-10-10-0.4593",
        "openai/whisper-tiny",
        "openai/whisper-base",
        "openai/whisper-small",
        "facebook/wav2vec2-base",
        "facebook/hubert-base-ls960",
        "microsoft/wavlm-base-plus",
    ),
    "text": (
        "openai/clip-vit-base-patch32",
        "google-bert/bert-base-uncased",
        "FacebookAI/xlm-roberta-base",
    ),
}
ST: Mapping[Reads, Sequence[str]] = {
    "text": (
        "sentence-transformers/all-MiniLM-L6-v2",
        "sentence-transformers/all-mpnet-base-v2",
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "intfloat/multilingual-e5-small",
        "intfloat/multilingual-e5-base",
        "BAAI/bge-small-en-v1.5",
    )
}
