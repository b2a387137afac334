"""Columns: which column of somebody's table says what."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NAMES = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}
NEEDED = ("user", "item")
UNKNOWN = "COLUMN"  # stands in an option for a name that cannot be guessed
# What they are called in public data sets, without signs and capitals, the likeliest first.
LIKELY = {
    "user": "userid user uid username reviewerid customerid memberid visitorid viewerid profileid",
    "item": "itemid item iid videoid video movieid movie asin parentasin productid product songid "
    "trackid artistid bookid isbn businessid newsid articleid feedid photoid postid gameid",
    "time": "timestamp time ts datetime date unixreviewtime createdat timems",
    "rating": "rating ratings stars score overall watchratio",
}


class ColumnsError(ValueError):
    """Words that name no columns; the message says what they may be."""


@dataclass(frozen=True)
class Columns:
    """The columns that were named; the others are called as in NAMES.

    Args:
        named: column by what it says.
    """

    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, words: str) -> Columns:
        """Return the columns of text such as `user=userId,item=movieId`.

        >>> columns = Columns.read("user=userId, item=movieId")
        >>> columns.name("item"), columns.name("time")
        ('movieId', 'timestamp')

        Raises:
            ColumnsError: a word is not ROLE=COLUMN, or a role or a column stands twice.
        """
        named: dict[str, str] = {}
        for word in filter(None, words.split(",")):
            role, equals, name = word.partition("=")
            role = role.strip()  # but a column may be called ' item_id'
            if not (equals and name):
                raise ColumnsError(
                    f"'{word}' is not ROLE=COLUMN, for example user=userId,item=movieId"
                )
            if role not in NAMES:
                near = difflib.get_close_matches(role, NAMES, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(NAMES)}"
                raise ColumnsError(f"no column says '{role}'; {hint}")
            if role in named:
                raise ColumnsError(f"'{words}' names two columns for {role}")
            if name in named.values():
                raise ColumnsError(f"'{words}' names the column '{name}' twice")
            named[role] = name
        return cls(named)

    @property
    def are_places(self) -> bool:
        """Return whether they are numbered, from 1, and not named."""
        return bool(self.named) and all(name.isdecimal() for name in self.named.values())

    def name(self, role: str) -> str:
        """Return the name of a column."""
        return self.named.get(role, NAMES[role])

    def told(self, role: str) -> str:
        """Return what a message calls a column: its name, or what it says where it has none."""
        return NAMES[role] if self.are_places else self.name(role)

    def guessed(self, names: Sequence[str], *, needed: Sequence[str] = NEEDED) -> dict[str, str]:
        """Return which of a table's columns say what, as far as their names tell.

        What was named and is there stays, and what is called as in NAMES is left out. UNKNOWN
        stands for one of the needed that cannot be guessed.

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
            if name is not None or role in needed:
                found[role] = name or UNKNOWN
        return found


def normal(name: str) -> str:
    """Return a name without signs and capitals.

    >>> normal(" movieId"), normal("parent_asin")
    ('movieid', 'parentasin')
    """
    return "".join(filter(str.isalnum, name)).lower()


def option(named: Mapping[str, str]) -> str:
    """Return the option that names the columns, as it is typed in a shell.

    >>> option({"user": "userId", "item": "movie id"})
    "--columns 'user=userId,item=movie id'"
    """
    words = ",".join(f"{role}={name}" for role, name in named.items())
    return f"--columns {shlex.quote(words)}"
