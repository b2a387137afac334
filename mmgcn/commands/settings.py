"""Settings of models from the command line or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from extract.commands.options import Flag, Flags

Settings = dict[str, object]


@dataclass(frozen=True)
class TrainingOptions:
    """Options of every command that trains models."""

    epochs: int | None = None
    """Maximum number of epochs."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Setting of the model or of its training. Repeatable."""
    config: Path | None = None
    """Settings in TOML, in a table with the name of the model; --set overrides them."""
    device: str = "auto"
    """Device: auto, cpu, cuda or cuda:N."""

    def of_models(self, models: Sequence[str]) -> dict[str, Settings]:
        """Return the settings of each model, without `epochs`; see `settings_of_models`."""
        return settings_of_models(models, self.config, self.settings)

    def of_model(self, model: str) -> Settings:
        """Return the settings of a single model, including `epochs`."""
        settings = self.of_models([model])[model]
        return settings if self.epochs is None else settings | {"epochs": self.epochs}


TRAINING_FLAGS: Flags = {
    "epochs": Flag(min=1, show_default="the model's own"),
    "settings": Flag(("--set",), metavar="NAME=VALUE"),
}


def settings_of_models(
    models: Sequence[str], config: Path | None, given: Mapping[str, str]
) -> dict[str, Settings]:
    """Return the settings of each model: those of the file, overridden by `given`.

    Args:
        models: names of the models.
        config: TOML file with a table per model, such as `[mmgcn]`.
        given: values by MODEL.NAME, or by NAME for all models that have the setting.

    Raises:
        typer.BadParameter: a setting is of a model that is not among `models`, or in no table.
        ValueError: the file is not TOML.
    """
    settings: dict[str, Settings] = {model: {} for model in models}
    if config is not None:
        for model, table in read_toml(config).items():
            if not isinstance(table, dict):
                raise typer.BadParameter(
                    f"{config} sets '{model}' outside of a table; write it below [{models[0]}]",
                    param_hint="--config",
                )
            if model not in settings:
                raise typer.BadParameter(
                    f"{config} has a table [{model}], and the models are {', '.join(models)}",
                    param_hint="--config",
                )
            settings[model] |= table
    for name, value in given.items():
        model, dot, setting = name.rpartition(".")
        if dot and model not in settings:
            raise typer.BadParameter(
                f"'{name}' sets {model}, which is not one of {', '.join(models)}",
                param_hint="--set",
            )
        for each in [model] if dot else _models_with(setting, models):
            settings[each][setting] = value
    return settings


def _models_with(setting: str, models: Sequence[str]) -> Sequence[str]:
    """Return the models with a setting; all models if none has it, so that each refuses it."""
    if len(models) == 1:
        return models
    from mmgcn.model import MODELS

    return [name for name in models if setting in MODELS.get(name).setting_names()] or models


def read_toml(path: Path) -> Settings:
    """Return the content of a TOML file.

    Raises:
        ValueError: the file is not TOML.
        FileNotFoundError: the file does not exist.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from error
