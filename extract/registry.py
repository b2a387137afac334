"""Registry[T]: members by name, by alias and by entry point."""

from __future__ import annotations

import difflib
import pkgutil
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class UnknownName(LookupError):
    """No member of that name or alias; the message gives the nearest ones."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...], broken: tuple[str, ...] = ()):
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        trouble = f" (could not be loaded: {', '.join(broken)})" if broken else ""
        super().__init__(
            f"no {kind} is called '{name}'{hint} known: {', '.join(known) or 'none'}{trouble}"
            if hint
            else f"no {kind} is called '{name}'; known: {', '.join(known) or 'none'}{trouble}"
        )
        self.kind, self.name, self.known = kind, name, known


class DuplicateName(ValueError):
    """Two packages offer a member of one name."""

    def __init__(self, kind: str, name: str, sources: tuple[str, str]) -> None:
        super().__init__(
            f"the {kind} '{name}' is offered by two: {sources[0]} and {sources[1]}; "
            "uninstall one of them, or choose another name"
        )
        self.kind, self.name, self.sources = kind, name, sources


class PluginError(ImportError, ValueError):
    """A member's package could not be loaded, or does not hold what it promises."""


@dataclass(frozen=True)
class Entry:
    """A member that may not be loaded yet.

    `source` names the distribution it comes from and its version; `module` where it lies.
    """

    name: str
    source: str
    module: str
    attribute: str


class Registry(Generic[T]):
    """Members of one kind, found by name, by alias and by entry point.

    Members come from three places. A file in `package` is a member: the file is named like the
    member and holds it in a constant named like the kind (`MODALITY` in
    `extract/modalities/visual.py`). An entry point in `group` names its object directly
    (`colour = "mmgcn_colour:MODALITY"`). And `register` adds one for this process.

    Listing names imports no member. Aliases are read from a member's `aliases`, so members are
    imported when a name is none of the listed ones.

    Args:
        kind: what a member is called in messages, "modality".
        package: the folder whose files are members, "extract.modalities".
        group: the entry-point group, "mmgcn.modalities".
    """

    def __init__(self, kind: str, *, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._members: dict[str, T] = {}
        self._registered: dict[str, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Every member by name, sorted; none of them is imported.

        Raises:
            DuplicateName: two packages offer one name.
        """
        found: dict[str, Entry] = {}
        for entry in (*self._own(), *self._plugins(), *self._registered.values()):
            if entry.name in found and found[entry.name] != entry:
                raise DuplicateName(self.kind, entry.name, (found[entry.name].source, entry.source))
            found[entry.name] = entry
        return tuple(found[name] for name in sorted(found))

    def names(self) -> tuple[str, ...]:
        """The names of all members, sorted; none of them is imported."""
        return tuple(entry.name for entry in self.entries())

    def get(self, name: str) -> T:
        """Return the member of that name or alias.

        Raises:
            UnknownName: there is none; the message gives the nearest names.
            PluginError: its package cannot be loaded; the message names the package.
        """
        entries = {entry.name: entry for entry in self.entries()}
        if name in entries:
            return self._load(entries[name])
        broken = []
        for entry in entries.values():
            try:
                member = self._load(entry)
            except PluginError:
                broken.append(f"{entry.name} of {entry.source}")
                continue
            if name in getattr(member, "aliases", ()):
                return member
        raise UnknownName(self.kind, name, tuple(entries), tuple(broken))

    def register(self, name: str, member: T) -> None:
        """Add a member for this process, for example from a notebook.

        Raises:
            DuplicateName: the name is taken.
        """
        entry = Entry(name, "this process", getattr(member, "__module__", ""), "")
        for other in self.entries():
            if other.name == name:
                raise DuplicateName(self.kind, name, (other.source, entry.source))
        self._registered[name], self._members[name] = entry, member

    def _own(self) -> list[Entry]:
        spec = find_spec(self.package)
        paths = spec.submodule_search_locations if spec is not None else None
        return [
            Entry(module.name, "mmgcn", f"{self.package}.{module.name}", self.kind.upper())
            for module in pkgutil.iter_modules(paths or [])
            if not module.name.startswith("_")
        ]

    def _plugins(self) -> list[Entry]:
        # A distribution that lies twice on the path (as editable and as wheel) is one source.
        found = [_entry(point) for point in entry_points(group=self.group)]
        return list(dict.fromkeys(found))

    def _load(self, entry: Entry) -> T:
        if entry.name not in self._members:
            try:
                holder = import_module(entry.module)
                member = holder
                for attribute in entry.attribute.split("."):
                    member = getattr(member, attribute)
            except Exception as error:  # whatever a stranger's module raises at import
                raise PluginError(
                    f"the {self.kind} '{entry.name}' of {entry.source} cannot be loaded from "
                    f"{entry.module}:{entry.attribute}: {type(error).__name__}: {error}"
                ) from error
            self._members[entry.name] = cast("T", member)
        return self._members[entry.name]


def _entry(point: EntryPoint) -> Entry:
    source = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "unknown"
    return Entry(point.name, source, point.module, point.attr)
