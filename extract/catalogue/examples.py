"""Examples of many names, for a message."""

from __future__ import annotations

from collections.abc import Iterable

NUM_EXAMPLES = 3


def examples(names: Iterable[str]) -> str:
    """Return the first few names, for a message.

    >>> examples(["a", "b"]), examples("abcd")
    ('a, b', 'a, b, c, ...')
    """
    every = list(names)
    return ", ".join(every[:NUM_EXAMPLES]) + (", ..." if len(every) > NUM_EXAMPLES else "")
