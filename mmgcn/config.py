"""Config: settings as frozen dataclasses, which validate their values and parse text."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

DEFAULT_MODEL = "linear_mmgcn"  # default model of `fit`, in Python and on the command line


class SettingError(ValueError):
    """A setting that a model does not have, or a value that it does not accept."""


def positive(default: float, *, at_most: float | str = math.inf) -> Any:
    """Return a field for a number above 0; the upper limit may be the name of another setting."""
    return field(default=default, metadata={"positive": True, "at_most": at_most})


def at_most(limit: float | str, default: float) -> Any:
    """Return a field for a number from 0 to a limit or another setting, both included."""
    return field(default=default, metadata={"at_most": limit})


def less_than(limit: float, default: float) -> Any:
    """Return a field for a number from 0 to a limit, the limit excluded."""
    return field(default=default, metadata={"less_than": limit})


@dataclass(frozen=True)
class Config:
    """A set of settings. Numbers are finite and at least 0, within the limits of their field.

    Raises:
        SettingError: a number is out of range.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            limit = each.metadata.get("at_most", math.inf)
            if each.metadata.get("positive") and not value > 0:
                raise SettingError(f"{each.name} is {value}; it must be positive")
            if not math.isfinite(value) or value < 0:
                raise SettingError(f"{each.name} is {value}; it must be at least 0, and finite")
            if isinstance(limit, str):
                limit, name = getattr(self, limit), limit
                if value > limit:
                    raise SettingError(
                        f"{each.name} is {value:g}; it must be at most {name}, {limit}"
                    )
            elif value > limit:
                raise SettingError(f"{each.name} is {value}; it must be at most {limit:g}")
            if value >= each.metadata.get("less_than", math.inf):
                limit = each.metadata["less_than"]
                raise SettingError(f"{each.name} is {value}; it must be less than {limit:g}")

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the settings, those of a subclass before the inherited ones."""
        own = [name for kind in cls.__mro__ for name in vars(kind).get("__annotations__", ())]
        known = {each.name for each in fields(cls)}
        return [name for name in dict.fromkeys(own) if name in known]

    def changed(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with some settings changed; values may be text, as from a command line.

        Raises:
            SettingError: a value of another type, or out of range.

        >>> from mmgcn.train_config import TrainConfig
        >>> TrainConfig().changed({"batch_size": "64"}).batch_size
        64
        """
        hints = get_type_hints(type(self))
        return replace(self, **{name: _value(name, hints[name], v) for name, v in settings.items()})


def refuse_unknown(names: Iterable[str], known: list[str]) -> None:
    """Refuse the name of an unknown setting.

    Raises:
        SettingError: an unknown name; the message suggests the nearest one.
    """
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(known)}"
            raise SettingError(f"no setting is called '{name}'{hint}")


def _value(name: str, hint: object, given: object) -> Any:
    """Return a value of the setting's type."""
    if get_origin(hint) is Literal:
        if given not in get_args(hint):
            known = ", ".join(map(str, get_args(hint)))
            raise SettingError(f"{name} is '{given}'; known: {known}")
        return given
    if hint is bool:
        texts = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        if isinstance(given, bool):
            return given
        if str(given).lower() not in texts:
            raise SettingError(f"{name} is '{given}'; expected true or false")
        return texts[str(given).lower()]
    assert isinstance(hint, type)
    try:
        value = hint(given)
        if hint is int and value != float(str(given)):
            raise ValueError("not an integer")
        return value
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingError(f"{name} is '{given}'; expected {hint.__name__}") from error
