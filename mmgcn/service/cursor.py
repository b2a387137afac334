"""Cursor: where the next page of a list begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from mmgcn.service.problems import Problem

CHANGED = "the list has changed since this cursor was issued; request its first page again"


@dataclass(frozen=True)
class Cursor:
    """A position in one list: that of one request, in one state of the data.

    A cursor is opaque to clients. It is valid for the request that it came from, apart from its
    limit, and while the list is the same; after that it is refused, so that a client never gets
    pages of two lists.

    Args:
        request: what identifies the list, such as its address and filters.
        state: what the list was computed from, such as the run.
        offset: number of entries before the position.
    """

    request: str
    state: str
    offset: int = 0

    @classmethod
    def at(cls, text: str | None, *, request: Sequence[object], state: Sequence[object]) -> Cursor:
        """Return the position of a cursor, or the start of the list for None.

        Raises:
            Problem: the cursor is not one of this request, or the list has changed.
        """
        start = cls(_digest(request), _digest(state))
        if text is None:
            return start
        try:
            padded = text + "=" * (-len(text) % 4)
            found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            of_request, of_state, offset = found
        except (binascii.Error, ValueError, TypeError, RecursionError):
            of_request, of_state, offset = None, None, 0
        if of_request != start.request or type(offset) is not int or offset < 0:
            raise Problem(
                "unknown_cursor",
                "cursor does not belong to this request; pass `next` of its last page, with the "
                "same parameters",
                field="cursor",
            )
        if of_state != start.state:
            raise Problem("cursor_expired", CHANGED, field="cursor")
        return cls(start.request, start.state, offset)

    def after(self, num_entries: int, *, total: int) -> str | None:
        """Return the cursor of the next page, None if this one is the last.

        Args:
            num_entries: number of entries of this page.
            total: number of entries of the list.
        """
        offset = self.offset + num_entries
        if not num_entries or offset >= total:
            return None
        text = json.dumps([self.request, self.state, offset], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _digest(values: Sequence[object]) -> str:
    text = json.dumps(values, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
