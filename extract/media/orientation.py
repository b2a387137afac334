"""Orientation of frames and photos: display matrices and Exif."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame
    from av.packet import Packet
    from av.video.stream import VideoStream

EXIF_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Orientation:
    """How a stored image is rotated for display: transposed first, then flipped."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Return the upright image, as a view.

        Shapes:
            (H, W, C) -> (H, W, C), or (W, H, C) if transposed.
        """
        if self.transpose:
            image = image.swapaxes(0, 1)
        return image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


# Exif orientations 1 to 8.
EXIF_ORIENTATIONS = (
    Orientation(),
    Orientation(flip_x=True),
    Orientation(flip_x=True, flip_y=True),
    Orientation(flip_y=True),
    Orientation(transpose=True),
    Orientation(transpose=True, flip_x=True),
    Orientation(transpose=True, flip_x=True, flip_y=True),
    Orientation(transpose=True, flip_y=True),
)


def orientation(frame: VideoFrame, packet: Packet[VideoStream] | None = None) -> Orientation:
    """Return how a decoded frame has to be rotated.

    Videos have a display matrix; it is rounded to quarter turns and mirroring. Photos have an Exif
    orientation, which is read from `packet`.
    """
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV 18 does not know Exif side data (av.sidedata.sidedata.Type has no 31) and then lists
        # no side data at all; `frame.rotation` does not distinguish mirroring from rotation.
        value = exif_orientation(bytes(packet)) if packet is not None else 1
        return EXIF_ORIENTATIONS[value - 1]
    return Orientation() if matrix is None else from_matrix(np.frombuffer(bytes(matrix), np.int32))


def from_matrix(matrix: np.ndarray) -> Orientation:
    """Return the quarter turn and mirroring of a display matrix, (9,) int32.

    A stored point (x, y) is displayed at (a x + c y, b x + d y), for the matrix a b _ c d _ ...
    """
    a, b, _, c, d, *_ = (float(value) for value in matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(flip_x=a < 0, flip_y=d < 0)
    return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)


def exif_orientation(data: bytes) -> int:
    """Return the orientation, 1 to 8, in the Exif data of a JPEG, PNG or WebP file; 1 without."""
    for marker in (b"Exif\0\0", b"eXIf", b"EXIF"):
        # WebP has the size, and often the JPEG marker, between its own marker and the header.
        for start in _headers(data, data.find(marker)):
            return _orientation_entry(data[start : start + (1 << 16)])
    return 1


def _headers(data: bytes, start: int) -> list[int]:
    if start < 0:
        return []
    header = data[start : start + 24]
    found = [header.find(magic) for magic in (b"II*\0", b"MM\0*")]
    return [start + at for at in found if at >= 0]


def _orientation_entry(tiff: bytes) -> int:
    """Read the first directory of a TIFF block: entries of tag, type, count and value."""
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (num_entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(num_entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * entry)
            if tag == EXIF_ORIENTATION_TAG and 1 <= value <= 8:
                return int(value)
    except struct.error:
        pass  # truncated: displayed as stored
    return 1
