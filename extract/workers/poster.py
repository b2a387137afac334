"""Posters: one JPEG of a frame of each clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.extras import require
from extract.store import file_name, write_atomically

LONGER_SIDE_PX = 512
QUALITY = 85


def write_poster(folder: Path, item_id: str, frame: np.ndarray) -> None:
    """Write a frame as a JPEG, named like the item's rows.

    Shapes:
        frame: (H, W, 3) uint8, RGB; larger ones are scaled to 512 pixels.

    Raises:
        OSError: the folder cannot be written.
    """
    require("cv2", purpose="a poster", extra="posters")
    import cv2

    height, width = frame.shape[:2]
    scale = LONGER_SIDE_PX / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    write_atomically(folder / f"{file_name(item_id)}.jpg", data.tobytes())
