"""SettledItems: the new items of a watched folder, once their files are fully written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.catalogue import Item


@dataclass(frozen=True)
class _Version:
    """Size, time and caption of an item; unequal if one of them has changed."""

    size_bytes: int
    mtime_ns: int
    caption: str | None


class SettledItems:
    """Finds items of a folder that are new or changed, and no longer being written.

    Args:
        settle_seconds: time for which size and modification time of a file must stay the same.

    >>> settled = SettledItems(settle_seconds=5)
    >>> items = [Item("a", None, "a caption")]
    >>> settled.poll(items, now=0.0), settled.poll(items, now=5.0), settled.poll(items, now=9.0)
    ([], [Item(id='a', path=None, caption='a caption')], [])
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._since: dict[
            str, tuple[_Version, float]
        ] = {}  # by id; the time is when this version was first seen
        self._returned: dict[str, _Version] = {}

    def poll(self, items: Sequence[Item], *, now: float) -> list[Item]:
        """Return the items that have settled since the last poll, each version once.

        Args:
            items: all items of the folder.
            now: time of a monotonic clock, in seconds.
        """
        found = []
        for item in items:
            version = _version(item)
            if version is None or self._returned.get(item.id) == version:
                continue
            seen, since = self._since.get(item.id, (None, now))
            if seen != version:
                self._since[item.id] = version, now
                since = now
            if now - since >= self._settle_seconds:
                del self._since[item.id]
                self._returned[item.id] = version
                found.append(item)
        return found


def _version(item: Item) -> _Version | None:
    """Return the version of an item; None if its file was removed meanwhile."""
    if item.path is None:
        return _Version(0, 0, item.caption)
    try:
        status = item.path.stat()
    except OSError:
        return None
    return _Version(status.st_size, status.st_mtime_ns, item.caption)
