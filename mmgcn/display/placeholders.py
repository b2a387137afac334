"""Placeholders: the colour of an item, shown where it has no poster yet."""

from __future__ import annotations


def hue_of(item_id: str) -> int:
    """Return the hue of an item, from 0 to 359, the same as in poster.js.

    >>> hue_of("a"), hue_of("clip-003")
    (97, 286)
    """
    total = 0
    for letter in item_id:
        total = (total * 31 + ord(letter)) % 360
    return total


def placeholder_svg(item_id: str, colour: str | None = None) -> str:
    """Return an image of one pixel, in the colour of the poster or else of the item."""
    fill = colour or f"hsl({hue_of(item_id)} 22% 36%)"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">'
        f'<rect width="1" height="1" fill="{fill}"/></svg>'
    )
