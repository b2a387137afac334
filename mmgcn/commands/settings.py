"""Settings of models, as they are given on the command line or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

EpochsOption = Annotated[
    int | None, typer.Option(help="At most.", min=1, show_default="the model's own")
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Settings in TOML, a table named like the model; --set wins.")
]


def pairs(words: Sequence[str], *, option: str = "--set") -> dict[str, str]:
    """Return NAME=VALUE words as names and values.

    Raises:
        typer.BadParameter: a word is not that.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name.strip() and equals):
            raise typer.BadParameter(f"'{word}' is not NAME=VALUE", param_hint=option)
        found[name.strip()] = value.strip()
    return found


def settings_of_models(
    models: Sequence[str], config: Path | None, words: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the settings of each model: those of the file, then those of the words.

    Args:
        config: TOML with a table for each model, `[mmgcn]`.
        words: MODEL.NAME=VALUE, or NAME=VALUE for those of the models that have it.

    Raises:
        typer.BadParameter: a table or a word for a model that takes no part.
        ValueError: the file is no TOML.
    """
    settings: dict[str, dict[str, Any]] = {model: {} for model in models}
    if config is not None:
        for model, held in read_toml(config).items():
            if model not in settings or not isinstance(held, dict):
                raise typer.BadParameter(
                    f"{config} sets '{model}', which is no table of one of {', '.join(models)}",
                    param_hint="--config",
                )
            settings[model] |= held
    for name, value in pairs(words).items():
        model, dot, setting = name.rpartition(".")
        if dot and model not in settings:
            raise typer.BadParameter(
                f"'{name}' sets {model}, which is none of {', '.join(models)}", param_hint="--set"
            )
        for each in [model] if dot else _having(setting, models):
            settings[each][setting] = value
    return settings


def _having(setting: str, models: Sequence[str]) -> Sequence[str]:
    """Return the models that have a setting; all of them where none has, so that each says so."""
    if len(models) == 1:
        return models
    from mmgcn.model import MODELS

    return [name for name in models if setting in MODELS.get(name).setting_names()] or models


def read_toml(path: Path) -> dict[str, Any]:
    """Return what the file holds.

    Raises:
        ValueError: it is no TOML.
        FileNotFoundError: it is not there.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
