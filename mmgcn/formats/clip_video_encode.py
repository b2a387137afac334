"""clip-video-encode: KEY.npy with one row per frame, KEY.txt and KEY.json, or these in .tar.

Source: https://github.com/iejMac/clip-video-encode, clip_video_encode/writer.py.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np

from mmgcn.content import Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._item_files import add_item_files, mean_row
from mmgcn.formats._tables import files_in

SHARDS = "*_clip_embeddings.tar"
WIDTHS = (512, 640, 768, 1024, 1152, 1280)  # widths of CLIP models
LAYOUT = "KEY.npy with KEY.txt and KEY.json, or 0_clip_embeddings.tar"


def _detect(path: Path) -> str | None:
    """Recognise shards by name, and files by their width."""
    if not path.is_dir():
        return None
    shards = files_in(path, SHARDS)
    if shards:
        return f"{shards[0].name}"
    files = files_in(path, "*.npy")
    if not files or any(file.suffix not in (".npy", ".txt", ".json") for file in path.iterdir()):
        return None
    try:
        first = np.load(files[0], mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return None
    if first.ndim == 2 and first.shape[1] in WIDTHS and not files[0].stem.endswith("_feat"):
        return f"{files[0].name} of width {first.shape[1]}"
    return None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the mean embedding of each video's frames, and captions, from files or shards."""
    content = Content()
    shards, files = files_in(path, SHARDS), files_in(path, "*.npy")
    if shards:
        _read_shards(content, shards)
        content.dropped += [f"{len(files):,} files KEY.npy: the shards are read"] * bool(files)
    elif files:
        by_key = {file.stem: file for file in files}
        add_item_files(content, "visual", by_key, options, source=f"{path.name}/*.npy")
        texts = {file.stem: file for file in files_in(path, "*.txt")}
        if texts:
            captions = [file.read_text(encoding="utf-8") for file in texts.values()]
            content.add_captions(list(texts), captions, source=f"{path.name}/*.txt")
        if files_in(path, "*.json"):
            content.dropped.append("KEY.json: metadata of the videos is not used")
    else:
        raise FormatError(f"{path} contains neither KEY.npy nor {SHARDS}")
    return content


def _read_shards(content: Content, shards: list[Path]) -> None:
    """Read embeddings and captions from tar files."""
    vectors: dict[str, np.ndarray] = {}
    captions: dict[str, str] = {}
    others = 0
    for shard in shards:
        try:
            with tarfile.open(shard) as archive:
                for member in archive:
                    key, _, suffix = member.name.rpartition(".")
                    file = archive.extractfile(member)
                    if file is None:
                        continue
                    if suffix == "npy":
                        array = np.load(io.BytesIO(file.read()), allow_pickle=False)
                        mean = mean_row(array, shard / member.name)
                        if mean is not None:
                            vectors[key] = mean
                    elif suffix == "txt":
                        captions[key] = file.read().decode("utf-8", "replace")
                    else:
                        others += 1
        except (tarfile.TarError, ValueError, OSError, EOFError) as error:
            raise FormatError(f"{shard} cannot be read: {error}") from error
    if others:
        content.dropped.append(f"{others:,} files of the shards: they are neither .npy nor .txt")
    if len({len(vector) for vector in vectors.values()}) > 1:
        raise FormatError(f"the embeddings in {shards[0].parent} have different widths")
    if vectors:
        matrix = np.stack(list(vectors.values()))
        content.add_features("visual", list(vectors), matrix, source=SHARDS)
    if captions:
        content.add_captions(list(captions), list(captions.values()), source=SHARDS)


FORMAT = Format("clip_video_encode", "clip-video-encode", layout=LAYOUT, detect=_detect, read=_read)
