"""Channels: names beside the modalities, and how a channel that an item lacks is displayed."""

from __future__ import annotations

ID = "id"
"""Channel of what an item's features do not say: its id embedding."""

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
