"""Truncated files of formats for which FFmpeg does not report it: GIF, FLV, AVI and WAV."""

from __future__ import annotations

import io
from typing import IO, cast

# A program that writes to a pipe does not know the size, and stores 0 or a value that is too large.
UNKNOWN_BYTES = 0x7FFF0000
FLV_TAGS = (b"\x08", b"\x09", b"\x12")  # audio, video, script
GIF_IMAGE, GIF_EXTENSION = b",", b"!"


def is_truncated(file: IO[bytes], container: str) -> bool:
    """Return whether a GIF, FLV, AVI or WAV file is truncated; keeps the file position.

    FFmpeg does not reveal it: for AVI and WAV, it reduces the stated duration to the available one;
    for FLV, it does not know the duration of a stream; for GIF, it returns the available part of
    the last image.
    """
    if container not in ("gif", "flv", "avi", "wav"):
        return False
    position = file.seek(0, io.SEEK_CUR)
    num_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    buffered = io.BufferedReader(cast("io.RawIOBase", file))
    try:
        if container == "gif":
            return _is_truncated_gif(buffered)
        walk = _is_truncated_flv if container == "flv" else _is_truncated_riff
        return walk(buffered, num_bytes)
    finally:
        buffered.detach()
        file.seek(position)


def _is_truncated_riff(file: IO[bytes], num_bytes: int) -> bool:
    """A RIFF file is one chunk, or several if it is large."""
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


def _is_truncated_flv(file: IO[bytes], num_bytes: int) -> bool:
    """An FLV is a header and tags, each after the size of the previous one.

    Source: Adobe Flash Video File Format Specification 10.1, annex E.
    """
    position = int.from_bytes(file.read(9)[5:], "big") + 4
    while position < num_bytes:
        file.seek(position)
        header = file.read(11)
        if header[:1] not in FLV_TAGS:  # no longer an FLV
            return False
        position += 11 + int.from_bytes(header[1:4], "big") + 4
    return position - 4 > num_bytes  # some writers omit the last size


def _is_truncated_gif(file: IO[bytes]) -> bool:
    """A GIF is a header, images and extensions, each in blocks of up to 255 bytes, and a trailer.

    Source: GIF89a, appendix B.
    """
    header = file.read(13)
    file.seek(_palette_bytes(header[10:11]), io.SEEK_CUR)
    while (marker := file.read(1)) in (GIF_IMAGE, GIF_EXTENSION):
        if marker == GIF_IMAGE:
            file.seek(_palette_bytes(file.read(9)[8:]), io.SEEK_CUR)
        file.seek(1, io.SEEK_CUR)  # LZW code size, or label of the extension
        while size := file.read(1):
            if size == b"\0":
                break
            file.seek(size[0], io.SEEK_CUR)
    return marker == b""


def _palette_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
