"""video_features: VIDEO_FEATURE.npy, optionally with VIDEO_fps.npy and VIDEO_timestamps_ms.npy.

Source: https://github.com/v-iashin/video_features, utils/utils.py (`make_path`) and
models/_base/base_extractor.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmgcn.content import Content
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._item_files import add_item_files
from mmgcn.formats._modality import plain_name

FEATURES = ("rgb", "flow", "resnet", "clip", "r21d", "s3d", "vggish", "timm")
FIELDS = ("raft", "pwc")  # optical flow, an image per pair of frames
DETAILS = ("fps", "timestamps_ms")
NAME = re.compile(rf"(.+)_({'|'.join((*FEATURES, *FIELDS))})")
LAYOUT = "FEATURE/MODEL/VIDEO_FEATURE.npy, such as clip-1_resnet.npy"


def _detect(path: Path) -> str | None:
    """Recognise the endings of file names."""
    found = _groups(path)
    if not found:
        return None
    (_, feature), files = next(iter(found.items()))
    return f"{len(files):,} files *_{feature}.npy"


def _read(path: Path, options: ImportOptions) -> Content:
    """Read the mean row of each video, for each folder and kind of features."""
    groups = _groups(path)
    if not groups:
        raise FormatError(f"{path} contains no {LAYOUT}")
    content = Content()
    kept = [key for key in groups if key[1] not in FIELDS]
    modalities = [_modality(feature) for _, feature in kept]
    for (folder, feature), modality in zip(kept, modalities, strict=True):
        name = modality
        if modalities.count(modality) > 1:
            name = plain_name(f"{modality}_{feature}")
        if name in content.features:
            name = plain_name(f"{modality}_{feature}_{folder.name}")
        source = f"{folder.relative_to(path) if folder != path else path.name}"
        source = f"*_{feature}.npy in {source}"
        add_item_files(content, name, groups[folder, feature], options, source=source)
    content.dropped += [
        f"{len(groups[key]):,} files *_{key[1]}.npy: optical flow is an image, no vector"
        for key in groups
        if key[1] in FIELDS
    ]
    for detail in DETAILS:
        if next(path.rglob(f"*_{detail}.npy"), None) is not None:
            content.dropped.append(f"*_{detail}.npy: the mean over all rows needs no times")
    if next(path.rglob("*.pkl"), None) is not None:
        content.dropped.append("*.pkl: extract with on_extraction=save_numpy")
    return content


def _groups(path: Path) -> dict[tuple[Path, str], dict[str, Path]]:
    """Return the files by folder and feature, and then by video."""
    groups: dict[tuple[Path, str], dict[str, Path]] = {}
    if path.is_dir():
        for file in sorted(path.rglob("*.npy")):
            match = NAME.fullmatch(file.stem)
            if match:
                groups.setdefault((file.parent, match[2]), {})[match[1]] = file
    return groups


def _modality(feature: str) -> str:
    return "acoustic" if feature == "vggish" else "visual"


FORMAT = Format("video_features", "video_features", layout=LAYOUT, detect=_detect, read=_read)
