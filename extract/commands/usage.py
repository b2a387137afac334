"""Usage: the given options, options that a mode would ignore, and errors that name options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import typer

ORIGINS = (
    "mmgcn.origins"  # key, in the `meta` of a click context, of the options that a project sets
)


class UsageError(ValueError):
    """An error of the library, with the names of arguments replaced by options."""


@dataclass(frozen=True)
class Usage:
    """The options of a command."""

    flags: Mapping[str, str]
    """The option of each parameter: {"min_rating": "--min-rating"}."""

    @contextmanager
    def of(self, context: typer.Context) -> Iterator[None]:
        """Make this the usage of the command that runs, and name options in its errors.

        Raises:
            UsageError: replaces an error whose message names an argument.
        """
        token = _CURRENT.set((self, context))
        try:
            yield
        except typer.BadParameter as error:
            error.message += origins_in(f"{error.param_hint} {error.message}", context, self.flags)
            raise
        except (ValueError, LookupError, OSError, ImportError, TypeError) as error:
            if type(error) in (KeyError, IndexError):  # bugs, whose messages are not for users
                raise
            if isinstance(error, OSError) and error.errno is not None:
                raise  # an error of the system names a file, not an argument
            text = in_flags(str(error), self.flags)
            text += origins_in(text, context, self.flags)
            if text == str(error):
                raise
            raise UsageError(text) from error
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[tuple[Usage, typer.Context]] = ContextVar("usage")


def given_options() -> list[str]:
    """Return the parameters of the running command whose options were given, in their order."""
    usage, context = _CURRENT.get()
    return [
        name
        for name in usage.flags
        if getattr(context.get_parameter_source(name), "name", "") in ("COMMANDLINE", "ENVIRONMENT")
    ]


def refuse_options(*names: str, because: str) -> None:
    """Refuse options that the command would ignore.

    Args:
        names: names of parameters of the command.
        because: the reason, such as "--history ranks for one user".

    Raises:
        typer.BadParameter: one of them was given, even with its default.
    """
    usage, _ = _CURRENT.get()
    for name in given_options():
        if name in names:
            raise typer.BadParameter(because, param_hint=usage.flags[name])


def refuse_options_but(*names: str, because: str) -> None:
    """Refuse all options but these; see `refuse_options`."""
    usage, _ = _CURRENT.get()
    refuse_options(*(name for name in usage.flags if name not in names), because=because)


def configured_options() -> list[str]:
    """Return the parameters whose options were given, or are set by a project file."""
    usage, context = _CURRENT.get()
    return [name for name in usage.flags if name in given_options() or name in _origins(context)]


def origins_in(message: str, context: typer.Context, flags: Mapping[str, str]) -> str:
    """Return where the options in a message are set, if not on the command line.

    The result is such as " (--fps is set by mmgcn.toml)": the user did not type that option.
    """
    found = [
        f"{flag} is set by {origin}"
        for name, origin in _origins(context).items()
        if (flag := flags.get(name)) and re.search(rf"{re.escape(flag)}(?![\w-])", message)
    ]
    return f" ({', '.join(found)})" if found else ""


def _origins(context: typer.Context) -> dict[str, str]:
    """Return the file or the variable that sets an option, by parameter."""
    origins: dict[str, str] = context.meta.get(ORIGINS, {})
    return {
        name: origin
        for name, origin in origins.items()
        if getattr(context.get_parameter_source(name), "name", "") == "DEFAULT_MAP"
    }


def in_flags(message: str, flags: Mapping[str, str]) -> str:
    """Return a message with names of arguments replaced by options.

    `name=value` becomes the option and its value. A name alone is replaced if it is unambiguous: in
    backticks, with an underscore, or as the subject at the start of the message.

    >>> flags = {"min_rating": "--min-rating", "missing": "--missing", "strict": "--strict"}
    >>> in_flags("min_rating is -1; pass missing='mask' or strict=True", flags)
    '--min-rating is -1; pass --missing mask or --strict'
    >>> in_flags("missing is 'x'; nothing is missing from `missing`", flags)
    "--missing is 'x'; nothing is missing from --missing"
    """
    if not flags:
        return message
    names = "|".join(sorted(map(re.escape, flags), key=len, reverse=True))

    def with_value(match: re.Match[str]) -> str:
        flag, value = flags[match["name"]], match["value"]
        return flag if value == "True" else f"{flag} {shlex.quote(value.strip(chr(39)))}"

    message = re.sub(
        rf"`?(?<![\w.=-])(?P<name>{names})=(?P<value>True|'[^']*'|[\w./:-]*\w)`?",
        with_value,
        message,
    )
    message = re.sub(rf"`({names})`", lambda match: flags[match[1]], message)
    message = re.sub(rf"^({names})(?= (?:is|are|must|needs)\b)", lambda m: flags[m[1]], message)
    underscored = "|".join(name for name in names.split("|") if "_" in name)
    if underscored:
        message = re.sub(
            rf"(?<![\w.'\"/-])({underscored})(?![\w'\"/-]|\.\w)", lambda m: flags[m[1]], message
        )
    return message
