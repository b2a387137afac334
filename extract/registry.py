"""Registry[T]: members by name, alias and entry point."""

from __future__ import annotations

import difflib
import os
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class UnknownName(LookupError):
    """There is no member with that name or alias; the message contains the nearest names."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...], broken: tuple[str, ...] = ()):
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
        failed = f" (could not be loaded: {', '.join(broken)})" if broken else ""
        super().__init__(
            f"no {kind} is called '{name}'; {hint}known: {', '.join(known) or 'none'}{failed}"
        )
        self.kind, self.name, self.known, self.broken = kind, name, known, broken


class DuplicateName(ValueError):
    """Two members have the same name; `sources` are their distributions."""

    def __init__(
        self,
        kind: str,
        name: str,
        sources: tuple[str, str],
        remedy: str = "uninstall one of them, or choose another name",
    ) -> None:
        super().__init__(
            f"the {kind} '{name}' is defined by both {sources[0]} and {sources[1]}; {remedy}"
        )
        self.kind, self.name, self.sources = kind, name, sources


class PluginError(ImportError, ValueError):
    """A package cannot be loaded, or does not contain the member that it declares."""


@dataclass(frozen=True)
class Entry:
    """A member, possibly not loaded yet.

    `source` is the name and version of its distribution, `module` the module that contains it.
    """

    name: str
    source: str
    module: str
    attribute: str


class Registry(Generic[T]):
    """Members of one kind, found by name, by alias and by entry point.

    Members have three sources. A file in `package` defines a member of its own name, in a constant
    named like the kind (`MODALITY` in `extract/modalities/visual.py`). An entry point in `group`
    refers to its object (`colour = "mmgcn_colour:MODALITY"`). And `register` adds a member to this
    process.

    Listing names imports no member. Aliases are read from a member's `aliases`, so members are
    imported when a name is not among the listed ones.

    Args:
        kind: name of a member in messages, "modality".
        package: folder whose files define members, "extract.modalities".
        group: entry-point group, "mmgcn.modalities".
        base: class of the members, or base class of members that are classes; their `name` is the
            registered name. None accepts anything.
    """

    def __init__(self, kind: str, *, package: str, group: str, base: type | None = None) -> None:
        self.kind, self.package, self.group, self.base = kind, package, group, base
        self._members: dict[str, T] = {}
        self._registered: dict[str, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Return all members, sorted by name, without importing them.

        Raises:
            DuplicateName: two packages define the same name.
        """
        found = self._found()
        return tuple(self._only(found[name]) for name in sorted(found))

    def described(self, describe: Callable[[T], dict[str, Any]]) -> list[dict[str, Any]]:
        """Return a row per member: its name, its source, and the values that `describe` returns.

        If the member's package cannot be loaded, the row has the reason as `error` instead.
        """
        rows: list[dict[str, Any]] = []
        for entry in self.entries():
            try:
                about = describe(self.get(entry.name))
            except PluginError as error:
                about = {"error": str(error)}
            rows.append({"name": entry.name, "source": entry.source} | about)
        return rows

    def names(self) -> tuple[str, ...]:
        """Return the names of all members, sorted, without importing them.

        Raises:
            DuplicateName: two packages define the same name.
        """
        return tuple(entry.name for entry in self.entries())

    def get(self, name: str) -> T:
        """Return the member with that name or alias.

        Raises:
            UnknownName: there is none; the message contains the nearest names.
            DuplicateName: there are two.
            PluginError: its package cannot be loaded; the message contains its name.
        """
        found = self._found()
        if name in found:
            return self._load(self._only(found[name]))
        return self._load(self._of_alias(name, found))

    def register(self, name: str, member: T) -> None:
        """Add a member for this process, for example from a notebook.

        Raises:
            DuplicateName: the name is in use.
        """
        entry = Entry(name, "this process", getattr(member, "__module__", ""), "")
        for other in self._found().get(name, ()):
            raise DuplicateName(self.kind, name, (other.source, entry.source))
        self._check(entry, member)
        self._registered[name], self._members[name] = entry, member

    def _found(self) -> dict[str, list[Entry]]:
        """Return the entries of each name."""
        found: dict[str, list[Entry]] = {}
        for entry in (*self._own(), *self._plugins(), *self._registered.values()):
            found.setdefault(entry.name, []).append(entry)
        return found

    def _only(self, entries: list[Entry]) -> Entry:
        if len(entries) > 1:
            sources = entries[0].source, entries[1].source
            raise DuplicateName(self.kind, entries[0].name, sources)
        return entries[0]

    def _of_alias(self, alias: str, found: dict[str, list[Entry]]) -> Entry:
        having: list[Entry] = []
        broken: list[str] = []
        for entry in (entry for name in sorted(found) for entry in found[name]):
            if len(found[entry.name]) > 1:
                continue  # ambiguous
            try:
                aliases = getattr(self._load(entry), "aliases", ())
            except PluginError:
                broken.append(f"{entry.name} of {entry.source}")
                continue
            if alias in aliases:
                having.append(entry)
        if not having:
            raise UnknownName(self.kind, alias, tuple(sorted(found)), tuple(broken))
        if len(having) > 1:
            one, other = (f"{entry.name} of {entry.source}" for entry in having[:2])
            raise DuplicateName(self.kind, alias, (one, other), "use its full name")
        return having[0]

    def _own(self) -> list[Entry]:
        spec = find_spec(self.package)
        paths = spec.submodule_search_locations if spec is not None else None
        return [
            Entry(module.name, "mmgcn", f"{self.package}.{module.name}", self.kind.upper())
            for module in pkgutil.iter_modules(paths or [])
            if not module.name.startswith("_")
        ]

    def _plugins(self) -> list[Entry]:
        # A distribution that is on the path twice (as editable and as wheel) is one source.
        found = [_entry(point) for point in _points(self.group, _state_of_path())]
        return list(dict.fromkeys(found))

    def _load(self, entry: Entry) -> T:
        if entry.name not in self._members:
            try:
                member: Any = import_module(entry.module)
                for attribute in entry.attribute.split("."):
                    member = getattr(member, attribute)
            except Exception as error:  # a plugin may raise anything at import
                message = " ".join(str(error).split())
                raise self._broken(entry, f"{type(error).__name__}: {message}") from error
            self._check(entry, member)
            self._members[entry.name] = member
        return self._members[entry.name]

    def _check(self, entry: Entry, member: object) -> None:
        if self.base is None:
            return
        is_one = isinstance(member, self.base)
        is_kind_of = isinstance(member, type) and issubclass(member, self.base)
        if not (is_one or is_kind_of):
            raise self._broken(
                entry, f"it is {member!r:.80}, not a {self.base.__module__}.{self.base.__name__}"
            )
        own_name = getattr(member, "name", None)
        if own_name != entry.name:
            raise self._broken(entry, f"its name is {own_name!r}")

    def _broken(self, entry: Entry, why: str) -> PluginError:
        where = f"{entry.module}:{entry.attribute}" if entry.attribute else entry.module
        return PluginError(
            f"the {self.kind} '{entry.name}' of {entry.source} cannot be loaded from {where}: {why}"
        )


@lru_cache(maxsize=32)
def _points(group: str, state: tuple[tuple[str, int], ...]) -> EntryPoints:  # noqa: ARG001
    """Return the entry points of a group; a search of 250 distributions takes 20 ms."""
    return entry_points(group=group)


def _state_of_path() -> tuple[tuple[str, int], ...]:
    """Return the folders of `sys.path` with their last changes; an installation is one."""
    state = []
    for path in sys.path:
        try:
            state.append((path, os.stat(path or ".").st_mtime_ns))  # noqa: PTH116  (a tenth of Path's)
        except OSError:
            state.append((path, 0))
    return tuple(state)


def _entry(point: EntryPoint) -> Entry:
    source = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "unknown"
    return Entry(point.name, source, point.module, point.attr)
