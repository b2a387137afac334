"""Segments: the shortest runs of packets that have to be decoded for some target frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A conforming frame depends at most on the GOP (from one key frame to the next) before its own.
MAX_KEYS_BACK = 8


@dataclass(frozen=True)
class Segment:
    """Packets [start, stop), in storage order: from a key frame to the last target after it."""

    start: int
    stop: int
    targets: frozenset[int]
    """Indices of those packets whose frames are targets."""


def plan_segments(
    targets: Sequence[int], *, pts: Sequence[int], is_keyframe: Sequence[int]
) -> list[Segment] | None:
    """Return the segments that contain all targets, in storage order.

    A target can be decoded from the last key frame that is both stored and displayed no later than
    it. Storage order alone is not enough: with open GOPs, frames stored just after a key frame may
    be displayed before it and reference the previous GOP.

        stored 0:K 1 2 3:K 4 5, displayed in the order 0 1 2 4 3 5:
        frame 4 is displayed before key frame 3, so it needs Segment(0, 5), not Segment(3, 5).

    Args:
        targets: indices of packets.
        pts: presentation time of each packet's frame.
        is_keyframe: whether each packet is a key frame.

    Returns:
        The segments; None if a target has no key frame to start from.
    """
    keys = np.flatnonzero(np.asarray(is_keyframe, dtype=np.uint8))
    targets_of: dict[int, list[int]] = {}  # start -> targets
    for target in sorted(targets):
        end = int(np.searchsorted(keys, target, side="right"))
        candidates = keys[max(end - MAX_KEYS_BACK, 0) : end][::-1].tolist()
        start = next((key for key in candidates if pts[key] <= pts[target]), None)
        if start is None:
            return None
        targets_of.setdefault(start, []).append(target)
    segments: list[Segment] = []
    for start in sorted(targets_of):
        segment = Segment(start, max(targets_of[start]) + 1, frozenset(targets_of[start]))
        if segments and start < segments[-1].stop:
            last = segments.pop()
            segment = Segment(
                last.start, max(last.stop, segment.stop), last.targets | segment.targets
            )
        segments.append(segment)
    return segments


def can_skip_unreferenced(codec: str, extradata: bytes | None) -> bool:
    """Return whether frames that are marked as unreferenced can be skipped.

    In H.264, they always can. In HEVC, the mark applies to one temporal layer, and frames of a
    higher layer may still reference the frame, so there must be only one layer (H.265, 7.4.2.2,
    table 7-1).
    """
    if codec != "hevc":
        return True
    header = extradata or b""
    if header[:1] == b"\x01" and len(header) > 21:  # hvcC box, ISO/IEC 14496-15, 8.3.2.1
        return header[21] >> 3 & 7 == 1
    parameters = header.find(b"\0\0\1\x40")  # the video parameter set, in MPEG-TS: H.265, 7.3.2.1
    if parameters < 0 or len(header) < parameters + 7:
        return False
    return header[parameters + 6] >> 1 & 7 == 0
