"""Truncated JPEGs: the decoder fills the missing part with grey without an error."""

from __future__ import annotations

import re

# Within a scan, 0xFF is followed by 0 or by the number of a restart; otherwise it starts a marker.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
END_OF_IMAGE = 0xD9


def is_truncated(data: bytes) -> bool:
    """Return whether a JPEG ends before its end-of-image marker.

    Source: ITU-T T.81, B.1: markers, segments with their lengths, and scans.

    >>> whole = bytes.fromhex("ffd8 ffda 0002 1234 ffd9")
    >>> is_truncated(whole), is_truncated(whole[:-2])
    (False, True)
    """
    position = 2  # after the start-of-image marker
    while (found := MARKER.search(data, position)) is not None:
        if found[1][0] == END_OF_IMAGE:
            return False
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return True
