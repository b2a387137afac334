"""JPEG: whether a picture is all there. The decoder makes grey of what is not, and says nothing."""

from __future__ import annotations

import re

# Within a scan, 0xFF stands before 0 or the number of a restart; else a marker begins.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
END_OF_IMAGE = 0xD9


def is_truncated(data: bytes) -> bool:
    """Return whether the marks of a JPEG end before the one that ends it.

    Source: ITU-T T.81, B.1: marks, segments with their lengths, and scans.

    >>> whole = bytes.fromhex("ffd8 ffda 0002 1234 ffd9")
    >>> is_truncated(whole), is_truncated(whole[:-2])
    (False, True)
    """
    place = 2  # after the mark that starts it
    while (found := MARKER.search(data, place)) is not None:
        if found[1][0] == END_OF_IMAGE:
            return False
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return True
