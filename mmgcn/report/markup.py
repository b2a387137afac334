"""Markup: HTML elements, whose text is always escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = ("img", "meta", "line", "circle", "polyline")


class Markup(str):
    """Well-formed HTML. Only `element` and `joined` create it, and both escape text."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element. Text children are escaped, None is omitted, lists are joined.

    In attribute names a trailing underscore is removed, and other underscores become hyphens;
    attributes with the value None are omitted.

    >>> element("p", "1 < 2", class_="note", data_channel=None)
    '<p class="note">1 &lt; 2</p>'
    >>> element("ul", [element("li", text) for text in "ab"])
    '<ul><li>a</li><li>b</li></ul>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Markup:
    """Return the concatenation of children.

    >>> joined(["a & b", None, element("b", 3)])
    'a &amp; b<b>3</b>'
    """
    parts = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(str(child))
        elif isinstance(child, list | tuple):
            parts.append(str(joined(child)))
        elif child is not None:
            parts.append(escape(str(child)))
    return Markup("".join(parts))
