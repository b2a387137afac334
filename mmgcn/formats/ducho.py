"""Ducho: features in BACKEND/MODEL/LAYER/ITEM.npy, below one folder per modality.

Source: https://github.com/sisinflab/Ducho, config/README.md and demos.
"""

from __future__ import annotations

from pathlib import Path

from mmgcn.content import Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._item_files import add_item_files
from mmgcn.formats._modality import modality_of, plain_name

BACKENDS = ("torch", "tensorflow", "transformers", "sentence_transformers", "torchaudio")
LAYOUT = "visual_embeddings/torch/MODEL/LAYER/ITEM.npy"


def _detect(path: Path) -> str | None:
    """Recognise a folder with the name of a backend and vectors three levels below."""
    found = _layers(path)
    return f"{found[0].relative_to(path)} with vectors" if found else None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the vectors of each layer, in a modality named after its folder."""
    layers = _layers(path)
    if not layers:
        raise FormatError(f"{path} contains no {LAYOUT}")
    content = Content()
    modalities = [modality_of(_parent(layer, path).name) or "visual" for layer in layers]
    for layer, modality in zip(layers, modalities, strict=True):
        name = modality
        if modalities.count(modality) > 1:
            name = plain_name(f"{modality}_{layer.parent.name}_{layer.name}")
        files = {file.stem: file for file in layer.glob("*.npy")}
        source = str(layer.relative_to(path))
        add_item_files(content, name, files, options, source=source)
    return content


def _layers(path: Path) -> list[Path]:
    """Return the folders of vectors."""
    if not path.is_dir():
        return []
    found = {
        layer
        for depth in ("", "*/", "*/*/")
        for backend in path.glob(f"{depth}*")
        if backend.name in BACKENDS and backend.is_dir()
        for layer in backend.glob("*/*")
        if layer.is_dir() and next(layer.glob("*.npy"), None) is not None
    }
    return sorted(found)


def _parent(layer: Path, root: Path) -> Path:
    """Return the folder of the modality, above that of the backend."""
    return root if layer.parents[1] == root else layer.parents[2]


FORMAT = Format("ducho", "Ducho", layout=LAYOUT, detect=_detect, read=_read)
