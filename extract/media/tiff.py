"""TIFF: so that its decoder stops at what is not there. It makes black of it, and says nothing."""

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

# What the decoder knows and the picture depends on (TIFF 6.0): sizes, bits and colours, strips and
# tiles, how they are packed. At others that it does not know it stops, too.
TAGS = (
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320),
    *(322, 323, 324, 325, 530),
)
COMPRESSION_TAG, DNG_TAG = 259, 50706
JPEG = (6, 7)  # the old way and the new
STRICT = {"err_detect": "explode"}  # the options of a decoder that stops at the first error


def decode(codec: VideoCodecContext, packet: Packet[VideoStream] | None) -> Sequence[VideoFrame]:
    """Return the picture, if all of it is there.

    Raises:
        MediaError: there is JPEG inside.
        av.FFmpegError: a strip is missing or damaged, or there are tiles.
    """
    if packet is None or (data := plain(bytes(packet))) is None:
        return codec.decode(packet)
    codec.options |= STRICT
    strict = av.Packet(data)
    strict.pts, strict.time_base = packet.pts, packet.time_base
    return codec.decode(cast("Packet[VideoStream]", strict))


def plain(data: bytes) -> bytes | None:
    """Return a TIFF without what its picture does not depend on, for a strict decoder.

    None for the raw pictures of cameras (DNG), which depend on more.

    Raises:
        MediaError: there is JPEG inside, of which the decoder makes black in any case.

    Source: TIFF 6.0, section 2: a directory is a count, entries of 12 bytes, and where the next is.
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
        return data  # cut off: the decoder says so
    if DNG_TAG in entries:
        return None
    if entries.get(COMPRESSION_TAG, b"")[8:10] in [struct.pack(f"{order}H", n) for n in JPEG]:
        raise MediaError("JPEG inside a TIFF is not read")
    kept = [entry for tag, entry in entries.items() if tag in TAGS]
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:start] + directory + data[start + len(directory) :]
