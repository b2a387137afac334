"""Channels that an item lacks: how they are named and displayed."""

from __future__ import annotations

NEIGHBOURS = "neighbours"
"""Part of a score from the channels that an item itself lacks: a model that propagates fills them
in from similar items, and from what the item's viewers watch."""

ABSENCE = {"visual": "no image", "acoustic": "no sound", "textual": "no caption"}


def absence(channel: str) -> str:
    """Return what is displayed in place of a channel that an item lacks.

    >>> absence("textual"), absence("colour")
    ('no caption', 'no colour features')
    """
    return ABSENCE.get(channel, f"no {channel} features")
