"""Columns: column names of a table, by role."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NAMES = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}
REQUIRED = ("user", "item")
UNKNOWN = "COLUMN"  # placeholder for a name that cannot be guessed
# Names in public data sets, without punctuation, in lower case, most likely first.
LIKELY = {
    "user": "userid user uid username reviewerid customerid memberid visitorid viewerid profileid",
    "item": "itemid item iid videoid video movieid movie asin parentasin productid product songid "
    "trackid artistid bookid isbn businessid newsid articleid feedid photoid postid gameid",
    "time": "timestamp time ts datetime date unixreviewtime createdat timems",
    "rating": "rating ratings stars score overall watchratio",
}


class ColumnsError(ValueError):
    """Text that is not a list of ROLE=COLUMN; the message says what is expected."""


@dataclass(frozen=True)
class Columns:
    """Column names by role; those that are not given are as in NAMES.

    Args:
        named: the given names, by role.
    """

    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Columns:
        """Return the columns of text such as `user=userId,item=movieId`.

        >>> columns = Columns.parse("user=userId, item=movieId")
        >>> columns.name("item"), columns.name("time")
        ('movieId', 'timestamp')

        Raises:
            ColumnsError: a part is not ROLE=COLUMN, or a role or a column occurs twice.
        """
        named: dict[str, str] = {}
        for word in filter(None, text.split(",")):
            role, equals, name = word.partition("=")
            role = role.strip()  # but a column may be called ' item_id'
            if not (equals and name):
                raise ColumnsError(
                    f"'{word}' is not ROLE=COLUMN, for example user=userId,item=movieId"
                )
            if role not in NAMES:
                nearest = difflib.get_close_matches(role, NAMES, n=1)
                hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(NAMES)}"
                raise ColumnsError(f"no column has the role '{role}'; {hint}")
            if role in named:
                raise ColumnsError(f"'{text}' names two columns for {role}")
            if name in named.values():
                raise ColumnsError(f"'{text}' names the column '{name}' twice")
            named[role] = name
        return cls(named)

    @property
    def are_positions(self) -> bool:
        """Whether columns are given by position, from 1, instead of by name."""
        return bool(self.named) and all(name.isdecimal() for name in self.named.values())

    def name(self, role: str) -> str:
        """Return the name of the column with a role."""
        return self.named.get(role, NAMES[role])

    def label(self, role: str) -> str:
        """Return the name of a column for messages; the default name if it is given by position."""
        return NAMES[role] if self.are_positions else self.name(role)

    def guessed(
        self, names: Sequence[str], *, required: Sequence[str] = REQUIRED
    ) -> dict[str, str]:
        """Return a table's likely columns by role, guessed from their names.

        Given columns that exist are kept; columns named as in NAMES are omitted. A required role
        that cannot be guessed has the value UNKNOWN.

        >>> Columns().guessed(["userId", "movieId", "stars", "timestamp"])
        {'user': 'userId', 'item': 'movieId', 'rating': 'stars'}
        """
        plain = {normal(name): name for name in reversed(names)}
        found = {}
        for role, likely in LIKELY.items():
            if self.name(role) in names:
                if role in self.named:
                    found[role] = self.named[role]
                continue
            name = next((plain[word] for word in likely.split() if word in plain), None)
            if name is not None or role in required:
                found[role] = name or UNKNOWN
        return found


def normal(name: str) -> str:
    """Return a name without punctuation, in lower case.

    >>> normal(" movieId"), normal("parent_asin")
    ('movieid', 'parentasin')
    """
    return "".join(filter(str.isalnum, name)).lower()


def columns_argument(named: Mapping[str, str]) -> str:
    """Return the argument `columns` for the given names, as text for messages.

    >>> columns_argument({"user": "userId", "item": "movieId"})
    "columns='user=userId,item=movieId'"
    """
    text = ",".join(f"{role}={name}" for role, name in named.items())
    return f"columns='{text}'"
