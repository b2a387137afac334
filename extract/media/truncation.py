"""Whether a file ends where it should, for formats of which FFmpeg does not say so."""

from __future__ import annotations

import io
from typing import IO, cast

# Who writes into a pipe cannot know the size, and writes none or one that is too large.
UNKNOWN_BYTES = 0x7FFF0000
FLV_TAGS = (b"\x08", b"\x09", b"\x12")  # sound, picture, script
GIF_IMAGE, GIF_EXTENSION = b",", b"!"


def is_truncated(file: IO[bytes], container: str) -> bool:
    """Return whether a GIF, an FLV, an AVI or a WAV ends too early; leaves the file where it is.

    Of AVI and WAV, FFmpeg shortens the duration that the header states to what is there; of FLV, it
    does not know the duration of a stream; of a GIF, it gives what is there of the last picture.
    """
    if container not in ("gif", "flv", "avi", "wav"):
        return False
    place = file.seek(0, io.SEEK_CUR)
    num_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    buffered = io.BufferedReader(cast("io.RawIOBase", file))
    try:
        if container == "gif":
            return _gif_is_cut_off(buffered)
        walk = _flv_is_cut_off if container == "flv" else _riff_is_cut_off
        return walk(buffered, num_bytes)
    finally:
        buffered.detach()
        file.seek(place)


def _riff_is_cut_off(file: IO[bytes], num_bytes: int) -> bool:
    """A file is a chunk, or several where it is large."""
    end = 0
    while (header := file.read(8))[:4] == b"RIFF":
        size = int.from_bytes(header[4:], "little")
        if not 0 < size < UNKNOWN_BYTES:
            return False
        end += 8 + size
        if end > num_bytes:
            return True
        end += size % 2
        file.seek(end)
    return False


def _flv_is_cut_off(file: IO[bytes], num_bytes: int) -> bool:
    """A header, then tags, each behind the size of the one before it.

    Source: Adobe Flash Video File Format Specification 10.1, annex E.
    """
    place = int.from_bytes(file.read(9)[5:], "big") + 4
    while place < num_bytes:
        file.seek(place)
        header = file.read(11)
        if header[:1] not in FLV_TAGS:  # no longer an FLV
            return False
        place += 11 + int.from_bytes(header[1:4], "big") + 4
    return place - 4 > num_bytes  # some leave out the last size


def _gif_is_cut_off(file: IO[bytes]) -> bool:
    """A header, then images and extensions, each in blocks of up to 255 bytes; then the end.

    Source: GIF89a, appendix B.
    """
    header = file.read(13)
    file.seek(_palette_bytes(header[10:11]), io.SEEK_CUR)
    while (mark := file.read(1)) in (GIF_IMAGE, GIF_EXTENSION):
        if mark == GIF_IMAGE:
            file.seek(_palette_bytes(file.read(9)[8:]), io.SEEK_CUR)
        file.seek(1, io.SEEK_CUR)  # how the picture is packed, or which extension it is
        while size := file.read(1):
            if size == b"\0":
                break
            file.seek(size[0], io.SEEK_CUR)
    return mark == b""


def _palette_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
