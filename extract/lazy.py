"""Public names of a package that are imported when they are first used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module


def import_name(package: str, modules: Mapping[str, str], name: str) -> object:
    """Return a public name of a package, from the module that defines it.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value: object = getattr(import_module(modules[name]), name)
    return value
