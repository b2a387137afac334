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
    write_jpeg(folder, item_id, scaled(frame, LONGER_SIDE_PX))


def scaled(frame: np.ndarray, longer_side_px: int) -> np.ndarray:
    """Return a frame whose longer side has at most so many pixels.

    Shapes:
        frame: (H, W, 3) uint8; the result: (h, w, 3).
    """
    require("cv2", purpose="a poster", extra="posters")
    import cv2

    height, width = frame.shape[:2]
    scale = longer_side_px / max(height, width)
    if scale >= 1:
        return frame
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))


def write_jpeg(folder: Path, item_id: str, image: np.ndarray) -> None:
    """Write an image as a JPEG, named like the item's rows.

    Shapes:
        image: (H, W, 3) uint8, RGB.

    Raises:
        OSError: the folder cannot be written.
    """
    require("cv2", purpose="a poster", extra="posters")
    import cv2

    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    write_atomically(folder / f"{file_name(item_id)}.jpg", data.tobytes())
