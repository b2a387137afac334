"""Channels: names of those that are no modalities, and the text for one that an item lacks."""

from __future__ import annotations

ID = "id"
"""Channel of the id embedding, for preferences that features do not explain."""

NEIGHBOURS = "neighbours"
"""Part of a score from channels that the item itself lacks: propagation infers them from similar
items and from the preferences of the item's viewers."""

ABSENCE = {"visual": "no image", "acoustic": "no sound", "textual": "no caption"}


def absence(channel: str) -> str:
    """Return the text in place of a channel that an item lacks.

    >>> absence("textual"), absence("colour")
    ('no caption', 'no colour features')
    """
    return ABSENCE.get(channel, f"no {channel} features")
