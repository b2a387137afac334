"""Project: the settings of a project file and of the environment, for every command."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from glob import has_magic
from pathlib import Path
from typing import Any, Self

from mmgcn.data.options import DataOptions

PROJECT_FILE = "mmgcn.toml"
PREFIX = "MMGCN_"
SHARED = {
    "videos": "Folder of videos, or files, patterns and URLs.",
    "captions": "Table with item_id and caption, or speech, or TABLE,speech.",
    "features": "Feature store, or NAME=FILE.npy[,IDS.txt], or several of them.",
    "runs": "Folder of runs.",
}
DATA = "data"  # name of the table with the data options of all commands
DATA_KEYS = tuple(each.name for each in fields(DataOptions) if each.name != "features")
# Options for a single call, which a project file does not set.
OF_ONE_CALL = frozenset(
    {"json", "dry_run", "resume", "verify", "limit", "shard", "list_file", "help", "token"}
)


class ProjectError(ValueError):
    """A project file or variable with an unknown key, or a value of the wrong type."""


@dataclass(frozen=True)
class Setting:
    """A value, and the file or variable that it comes from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Option:
    """The properties of a command's option that decide how a project sets it.

    Args:
        name: name of the parameter, such as min_rating.
        is_flag: whether it takes no value.
        is_repeatable: whether it takes a list of values.
        is_run: whether it names a run, by default the latest one.
    """

    name: str
    is_flag: bool = False
    is_repeatable: bool = False
    is_run: bool = False


@dataclass(frozen=True)
class Project:
    """Settings by table and key. Top-level keys are in the table with the empty name.

    Args:
        path: project file; None if there is none.
        tables: content of the file.
        environment: variables with the prefix MMGCN_.
    """

    path: Path | None = None
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls, path: Path | None, environment: Mapping[str, str], commands: Iterable[str]
    ) -> Self:
        """Return the settings of a file, if there is one, and of variables MMGCN_TABLE_KEY.

        Args:
            commands: names of all commands, each of which may have a table.

        Raises:
            ProjectError: the file is not TOML, or has an unknown table or top-level key.
        """
        tables = {} if path is None else _tables(path, [DATA, *commands])
        return cls(path, tables, {k: v for k, v in environment.items() if k.startswith(PREFIX)})

    def settings(self, command: str, options: Sequence[Option]) -> dict[str, Setting]:
        """Return the values of a command's options that the file or the environment sets.

        Variables take precedence over the file. Values have the form of the command line: text, a
        list of texts for a repeatable option, or a bool for a flag.

        Args:
            command: name of the command, such as fit; the first word of `mmgcn runs ls`.
            options: options of the command.

        Raises:
            ProjectError: an unknown key or variable, or a value of the wrong type.
        """
        keys = {option.name: key_of(command, option, options) for option in options}
        for table in {DATA, command} & set(self.tables):
            known = DATA_KEYS if table == DATA else [k for t, k in keys.values() if t == table]
            for name in self.tables[table]:
                if name not in known:
                    raise ProjectError(self._unknown_key(table, name, known, keys.values()))
        self._check_variables(command, [k for t, k in keys.values() if t == command])
        found = {}
        for option in options:
            table, key = keys[option.name]
            setting = self.get(table, key)
            if key == "videos" and not option.is_repeatable and not _is_one_path(setting):
                continue  # posters need one folder
            if key and setting is not None:
                value = _value(option, table, key, setting)
                found[option.name] = Setting(value, setting.origin)
        return found

    def get(self, table: str, key: str) -> Setting | None:
        """Return the setting of a key, text from the environment or a value of TOML, or None."""
        variable = variable_of(table, key)
        if variable in self.environment:
            return Setting(self.environment[variable], variable)
        if key in self.tables.get(table, {}):
            assert self.path is not None
            return Setting(self.tables[table][key], self.path.name)
        return None

    def _unknown_key(
        self, table: str, name: str, known: Sequence[str], keys: Iterable[tuple[str, str]]
    ) -> str:
        assert self.path is not None
        elsewhere = next((t for t, k in keys if k == name and t != table), None)
        if name in SHARED:
            elsewhere = ""
        if elsewhere is not None:
            right = f"below [{elsewhere}]" if elsewhere else "above all tables"
            return f"{self.path.name} sets '{name}' below [{table}]; write it {right}"
        return (
            f"{self.path.name} sets '{name}' below [{table}], which has no such key"
            f"{_nearest(name, known)}"
        )

    def _check_variables(self, command: str, known: Sequence[str]) -> None:
        """Refuse variables with the prefix of a setting that is unknown."""
        for table, keys in ((DATA, DATA_KEYS), (command, known)):
            names = [variable_of(table, key) for key in keys]
            for variable in self.environment:
                if variable.startswith(variable_of(table, "")) and variable not in names:
                    raise ProjectError(
                        f"the variable {variable} sets no option{_nearest(variable, names)}"
                    )


def key_of(command: str, option: Option, options: Iterable[Option]) -> tuple[str, str]:
    """Return the table and the key that set an option; two empty strings if none does."""
    name = option.name
    if name in OF_ONE_CALL:
        return "", ""
    if name in ("videos", "captions"):
        return "", name
    if (command, name) == ("recommend", "encoders"):  # for --like, which extracts
        return "extract", name
    if option.is_run or (command, name) in (("fit", "out"), ("runs", "out"), ("runs", "run")):
        return "", "runs"
    if (command, name) in (("extract", "out"), ("store", "store")):
        return "", "features"
    if any(each.name == "interactions" for each in options):
        if name == "features":
            return "", name
        if name in DATA_KEYS:
            return DATA, name
    return command, name


def variable_of(table: str, key: str) -> str:
    """Return the environment variable of a key.

    >>> variable_of("fit", "model"), variable_of("", "videos")
    ('MMGCN_FIT_MODEL', 'MMGCN_VIDEOS')
    """
    return PREFIX + "_".join(filter(None, [table, key])).upper() + ("" if key else "_")


def find_project(given: str | None, folder: Path) -> Path | None:
    """Return the project file: the given one, or mmgcn.toml in the folder, or None.

    Args:
        given: a file, its folder, or `none`; None to search in the folder.
        folder: folder to search in.

    Raises:
        ProjectError: the given file does not exist.
    """
    if given == "none":
        return None
    if given is None:
        path = folder / PROJECT_FILE
        return path if path.is_file() else None
    path = Path(given)
    path = path / PROJECT_FILE if path.is_dir() else path
    if not path.is_file():
        raise ProjectError(f"no project file at {path}; write one with: mmgcn init")
    return path


def _tables(path: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} is not TOML: {error}") from error
    tables: dict[str, dict[str, Any]] = {"": {}}
    for name, value in content.items():
        if name in names and isinstance(value, dict):
            tables[name] = value
        elif name in SHARED and not isinstance(value, dict):
            tables[""][name] = value
        elif name in DATA_KEYS:
            raise ProjectError(f"{path.name} sets '{name}'; write it below [{DATA}]")
        elif isinstance(value, dict):
            raise ProjectError(f"{path.name} has a table [{name}]{_nearest(name, names)}")
        else:
            raise ProjectError(f"{path.name} sets '{name}'{_nearest(name, [*SHARED])}")
    return tables


def _value(option: Option, table: str, key: str, setting: Setting) -> Any:
    """Return a setting in the form of the command line."""
    value = setting.value
    where = f"[{table}] {key}" if table else key
    if option.is_flag:
        if str(value).lower() not in ("true", "false"):
            raise ProjectError(f"{setting.origin}: {where} is {value!r}; expected true or false")
        return str(value).lower() == "true"
    if setting.origin.startswith(PREFIX):
        texts = shlex.split(value) if option.is_repeatable else [value]
    elif isinstance(value, dict):
        texts = [f"{name}={_text(each)}" for name, each in value.items()]
    else:
        texts = [_text(each) for each in value] if isinstance(value, list) else [_text(value)]
    if (table, key) == ("", "features") and option.name != "features":
        texts = [text for text in texts if "=" not in text][:1] or ["features"]  # the store
    if (table, key) == ("", "runs") and option.is_run:
        texts = [str(Path(text) / "latest") for text in texts]
    if option.is_repeatable:
        return texts
    if isinstance(value, dict):
        raise ProjectError(f"{setting.origin}: {where} is a table; expected one value")
    return ",".join(texts)


def _is_one_path(setting: Setting | None) -> bool:
    """Return whether the setting of videos is a single folder or table, no pattern and no URL."""
    if setting is None or isinstance(setting.value, list):
        return setting is None or len(setting.value) == 1
    return "://" not in str(setting.value) and not has_magic(str(setting.value))


def _text(value: object) -> str:
    """Return a value of TOML as text of the command line.

    >>> _text(True), _text(0.5), _text("a")
    ('true', '0.5', 'a')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(known) or 'none'}"
