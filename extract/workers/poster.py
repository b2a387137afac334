"""Posters: one JPEG of a frame of each clip."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from extract.extras import require
from extract.store import file_name, write_atomically

LONGER_SIDE_PX = 512
QUALITY = 85
HEAD_BYTES = 64  # of a file; they contain the comment
COLOUR = re.compile(rb"mean (#[0-9a-f]{6})")


def write_poster(folder: Path, item_id: str, frame: np.ndarray) -> None:
    """Write a frame as a JPEG, named like the item's rows.

    The file also contains the mean colour, for `mean_colour`.

    Shapes:
        frame: (H, W, 3) uint8, RGB; larger ones are scaled to 512 pixels.

    Raises:
        OSError: the folder cannot be written.
    """
    image = scaled(frame, LONGER_SIDE_PX)
    red, green, blue = (round(value) for value in image.mean(axis=(0, 1)))
    write_jpeg(folder, item_id, image, comment=f"mean #{red:02x}{green:02x}{blue:02x}")


def mean_colour(poster: Path) -> str | None:
    """Return the mean colour of a poster as #rrggbb; None if its file does not contain it."""
    try:
        with poster.open("rb") as file:
            found = COLOUR.search(file.read(HEAD_BYTES))
    except OSError:
        return None
    return None if found is None else found[1].decode()


def scaled(frame: np.ndarray, longer_side_px: int) -> np.ndarray:
    """Return a frame, scaled down so that its longer side has at most `longer_side_px` pixels.

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


def write_jpeg(folder: Path, item_id: str, image: np.ndarray, *, comment: str = "") -> None:
    """Write an image as a JPEG, named like the item's rows.

    Args:
        comment: ASCII text for the JPEG's header.

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
    jpeg = data.tobytes()
    if comment:  # a segment after the first, which is JFIF's
        end = 4 + int.from_bytes(jpeg[4:6])
        segment = b"\xff\xfe" + (2 + len(comment)).to_bytes(2) + comment.encode("ascii")
        jpeg = jpeg[:end] + segment + jpeg[end:]
    write_atomically(folder / f"{file_name(item_id)}.jpg", jpeg)
