"""Command-line options from the fields of a dataclass.

Imports only the class, since `mmgcn --help` builds every command.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from extract.commands.usage import Usage, in_flags


@dataclass(frozen=True)
class Flag:
    """Spelling of one field on the command line, where it differs from the default."""

    names: tuple[str, ...] = ()
    """Names of the option, such as ("--out", "-o"); by default the field's name with dashes."""
    help: str | None = None
    """Help text; by default the sentence below the field."""
    metavar: str | None = None
    """Placeholder for the value in the help."""
    show_default: str | bool | None = None
    """Text for a default that the value does not explain; by default the value."""
    parse: Callable[[str], Any] | None = None
    """Function that converts a text to the value; raises `typer.BadParameter`."""
    repeatable: bool | None = None
    """Whether the option may be given several times; by default if the field is a tuple, a list or
    a mapping."""
    min: float | None = None
    """Smallest value."""
    max: float | None = None
    """Largest value."""
    panel: str | None = None
    """Title of the group of options in the help."""
    part_of: str = ""
    """Option of the command that sets the field, too, in the form for error messages; the field has
    no option of its own."""


Flags = Mapping[str, Flag | None]
Command = Callable[..., Any]


PushOption = Annotated[
    str | None,
    typer.Option(
        help="Repository of the Hugging Face hub to upload the result to; a new one is private.",
        metavar="NAME/REPO",
        show_default=False,
    ),
]


def with_options(**flags: Flags) -> Callable[[Command], Command]:
    """Return a decorator that gives a command one option for each field of its dataclasses.

    The default and the type of an option are those of the field, its help is the sentence below the
    field, and a `Literal` lists its choices. In errors of the library, names of arguments are
    replaced by options, see `in_flags`; values that a dataclass refuses are usage errors.

    Args:
        flags: for a parameter of the command, the fields that are spelled differently; None leaves
            the field at its default, without an option.

    Raises:
        TypeError: a field has a type that needs a `parse`, two options have the same name, or a
            flag is for a field that does not exist.

    >>> @dataclass(frozen=True)
    ... class Config:
    ...     num_frames: int = 16
    ...     '''Frames of each clip.'''
    >>> @with_options(config={"num_frames": Flag(min=1)})
    ... def extract(videos: str, config: Config) -> None: ...
    >>> [name for name in inspect.signature(extract).parameters if name != "context"]
    ['videos', 'num_frames']
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        parameters: list[inspect.Parameter] = []
        groups: dict[str, tuple[type, dict[str, Flag]]] = {}
        parts: dict[str, str] = {}
        for parameter in inspect.signature(command).parameters.values():
            hint = hints[parameter.name]
            if not dataclasses.is_dataclass(hint):
                parameters.append(
                    parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY)
                )
                continue
            assert isinstance(hint, type)
            spelled = flags.get(parameter.name, {})
            unknown = [n for n in spelled if n not in {f.name for f in dataclasses.fields(hint)}]
            if unknown:
                raise TypeError(f"{hint.__name__} has no field {', '.join(unknown)}")
            docs = field_docs(hint)
            group: dict[str, Flag] = {}
            for field in dataclasses.fields(hint):
                flag = spelled.get(field.name, Flag())
                if flag is not None and flag.part_of:
                    parts[field.name] = flag.part_of
                elif flag is not None:
                    group[field.name] = flag
                    parameters.append(_parameter(hint, field, flag, docs.get(field.name, "")))
            groups[parameter.name] = hint, group
        usage = Usage(parts | _names(parameters))

        @wraps(command)
        def run(context: typer.Context, **given: object) -> Any:
            with usage.of(context):
                for name, (kind, group) in groups.items():
                    values = {field: given.pop(field) for field in group}
                    given[name] = _built(kind, group, values, usage.flags)
                return command(**given)

        del run.__wrapped__
        first = inspect.Parameter(
            "context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
        )
        signature = inspect.Signature([first, *parameters])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return run

    return decorate


def field_docs(kind: type) -> dict[str, str]:
    """Return the text below each field of a dataclass, inherited fields included."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        try:
            source = inspect.getsource(each)
        except OSError:  # a class of an interactive session
            continue
        (tree,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = " ".join(text.split())
    return found


def _parameter(
    kind: type, field: dataclasses.Field[Any], flag: Flag, doc: str
) -> inspect.Parameter:
    """Return the parameter of a command from which Typer makes the option."""
    hint, optional = _without_none(_hint(kind, field.name))
    origin = get_origin(hint) or hint
    default = field.default if field.default_factory is MISSING else field.default_factory()
    repeatable = flag.repeatable
    if repeatable is None:
        repeatable = origin in (tuple, list, dict, Mapping, set, frozenset)
    option: dict[str, Any] = {"help": flag.help or doc, "show_default": flag.show_default}
    names = flag.names or (f"--{field.name.replace('_', '-')}",)
    cli_type: Any = hint
    if flag.parse is not None or repeatable:
        cli_type, option["metavar"] = str, "<str>"
        if repeatable and flag.parse is None and origin is not dict:
            cli_type = next((each for each in get_args(hint) if each is not ...), str)
        if flag.show_default is None:
            option["show_default"] = False
        cli_type, default, optional = (list[cli_type] if repeatable else cli_type), None, True
    elif origin is Literal:
        choices = [str(choice) for choice in get_args(hint)]
        option |= {"metavar": f"[{'|'.join(choices)}]", "callback": _choice_of(choices)}
        option["autocompletion"] = lambda: choices
        cli_type = str
    elif hint not in (bool, int, float, str) and not _is_path(hint):
        raise TypeError(f"{kind.__name__}.{field.name} is {hint}; give it a Flag with parse")
    if option["show_default"] is None:
        option["show_default"] = default not in (None, False)
    option |= {
        key: value
        for key, value in (
            ("metavar", flag.metavar),
            ("min", flag.min),
            ("max", flag.max),
            ("rich_help_panel", flag.panel),
        )
        if value is not None
    }
    if hint is bool and default is MISSING:
        default = False
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[
            cli_type | None if optional else cli_type, typer.Option(*names, **option)
        ],
    )


def _built(
    kind: type, group: Mapping[str, Flag], values: Mapping[str, Any], flags: Mapping[str, str]
) -> Any:
    """Return the dataclass with the given values, and the defaults of the other fields."""
    fields = {}
    for name, flag in group.items():
        hint, _ = _without_none(_hint(kind, name))
        origin, value = get_origin(hint) or hint, values[name]
        if isinstance(value, list):
            if not value:
                continue
            each = [flag.parse(text) for text in value] if flag.parse is not None else value
            if origin in (dict, Mapping) and flag.parse is None:
                value = dict(name_and_value(text, flags[name]) for text in value)
            else:
                value = origin(each) if origin in (dict, list, set, frozenset) else tuple(each)
        elif value is not None and flag.parse is not None:
            value = flag.parse(value)
        if value is not None:
            fields[name] = value
    try:
        return kind(**fields)
    except ValueError as error:
        raise typer.BadParameter(in_flags(str(error), flags)) from error


def name_and_value(text: str, flag: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE.

    Raises:
        typer.BadParameter: the text has another form.
    """
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint=flag)
    return name.strip(), value.strip()


def _choice_of(choices: list[str]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in choices:
            raise typer.BadParameter(f"'{value}' is not one of {', '.join(choices)}")
        return value

    return check


def _hint(kind: type, name: str) -> Any:
    """Return the type of one field; the types of others may be imported only for type checkers."""
    owner = next(each for each in kind.__mro__ if name in inspect.get_annotations(each))
    alone = type(kind.__name__, (), {"__annotations__": {name: owner.__annotations__[name]}})
    return get_type_hints(alone, vars(sys.modules[owner.__module__]))[name]


def _without_none(hint: object) -> tuple[Any, bool]:
    """Return a type without None, and whether None was part of it."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    others = [each for each in get_args(hint) if each is not NoneType]
    return (others[0] if len(others) == 1 else hint), NoneType in get_args(hint)


def _is_path(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Path)


def _names(parameters: list[inspect.Parameter]) -> dict[str, str]:
    """Return the option of each parameter, such as {"min_rating": "--min-rating"}."""
    found: dict[str, str] = {}
    for parameter in parameters:
        if parameter.name in found:
            raise TypeError(f"two parameters are called {parameter.name}")
        found[parameter.name] = f"--{parameter.name.replace('_', '-')}"
        for info in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(info, ArgumentInfo):
                found[parameter.name] = info.metavar or parameter.name.upper()
            elif isinstance(info, OptionInfo):
                # In an annotation the first name takes the place of the default.
                names = [info.default, *(info.param_decls or ())]
                long = [n for n in names if isinstance(n, str) and n.startswith("--")]
                found[parameter.name] = (long or [found[parameter.name]])[0].partition("/")[0]
    return found
