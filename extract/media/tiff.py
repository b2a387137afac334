"""Strict decoding of TIFF; by default, the decoder silently fills missing parts with black."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import av

from extract.media.limits import MediaError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# Tags that the decoder knows and the image depends on (TIFF 6.0): sizes, bits and colours, strips
# and tiles, compression. In strict mode it also stops at tags that it does not know.
TAGS = (
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320),
    *(322, 323, 324, 325, 530),
)
COMPRESSION_TAG, DNG_TAG = 259, 50706
JPEG = (6, 7)  # compression of TIFF 6.0 and of its technical note 2
STRICT = {"err_detect": "explode"}  # stop at the first error


def decode(codec: VideoCodecContext, packet: Packet[VideoStream] | None) -> Sequence[VideoFrame]:
    """Return the frame of a TIFF, if it is complete.

    Raises:
        MediaError: it contains JPEG.
        av.FFmpegError: a strip is missing or damaged, or it contains tiles.
    """
    if packet is None or (data := without_optional_tags(bytes(packet))) is None:
        return codec.decode(packet)
    codec.options |= STRICT
    strict = av.Packet(data)
    strict.pts, strict.time_base = packet.pts, packet.time_base
    return codec.decode(cast("Packet[VideoStream]", strict))


def without_optional_tags(data: bytes) -> bytes | None:
    """Return a TIFF without tags that its image does not depend on, for a strict decoder.

    None for raw photos (DNG), which depend on other tags.

    Raises:
        MediaError: it contains JPEG, which the decoder always turns into black.

    Source: TIFF 6.0, section 2: a directory is a count, entries of 12 bytes, and the next offset.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = {
            struct.unpack_from(f"{order}H", data, at)[0]: data[at : at + 12]
            for at in range(start + 2, start + 2 + 12 * count, 12)
        }
    except struct.error:
        return data  # truncated: the decoder reports it
    if DNG_TAG in entries:
        return None
    if entries.get(COMPRESSION_TAG, b"")[8:10] in [struct.pack(f"{order}H", n) for n in JPEG]:
        raise MediaError("a TIFF that contains JPEG is not supported")
    kept = [entry for tag, entry in entries.items() if tag in TAGS]
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:start] + directory + data[start + len(directory) :]
