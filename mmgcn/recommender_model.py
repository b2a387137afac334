"""RecommenderModel: the contract of all models, trained or solved; their settings and vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, get_args

import numpy as np
from torch import nn

from mmgcn.channels import ID, NEIGHBOURS
from mmgcn.config import Config, SettingError, refuse_unknown
from mmgcn.data.dataset import Dataset
from mmgcn.interaction_rows import InteractionRows
from mmgcn.popularity_prior import POPULARITY
from mmgcn.train_config import TrainConfig

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class Settings(Generic[ConfigT]):
    """All settings of a model. Their names are unique, so that one mapping can contain them all.

    Args:
        model: settings of the model itself.
        train: settings of its training; None for a model in closed form.
        ignored: names of settings that the model does not use.
    """

    model: ConfigT
    train: TrainConfig | None
    ignored: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, Any]:
        """Return all settings that the model uses, by name."""
        values = asdict(self.model) | ({} if self.train is None else asdict(self.train))
        return {name: value for name, value in values.items() if name not in self.ignored}


@dataclass(eq=False)
class Embeddings:
    """A trained model as arrays: scores are inner products of rows.

    An item vector is the sum of its parts by channel, so the channels' contributions to a score add
    up to the score.

    Shapes:
        user: (U, d) float32; item_parts: (I, d) float32 for each channel.
    """

    user: np.ndarray | InteractionRows
    item_parts: dict[str, np.ndarray]

    @property
    def item(self) -> np.ndarray:
        """Item vectors: the sums of the parts. Shapes: (I, d) float32."""
        parts = list(self.item_parts.values())
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total


class RecommenderModel(ABC, Generic[ConfigT]):
    """The interface of all models for the registry, settings and studies.

    A model is either a `Model`, trained in batches, or a `ClosedFormModel`, which is solved.

    Class attributes:
        name: name in the registry.
        aliases: other names in the registry.
        config_type: dataclass of the model's own settings; by default C in `class M(Model[C])`.
        needs_features: whether the model requires at least one modality.
        uses_features: whether the model uses features.
        ignored_settings: settings that the model does not use, each with the reason.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[Config]]
    needs_features: ClassVar[bool] = False
    uses_features: ClassVar[bool] = True
    ignored_settings: ClassVar[Mapping[str, str]] = {}

    config: ConfigT
    num_users: int
    num_items: int

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        arguments = [one for base in vars(cls).get("__orig_bases__", ()) for one in get_args(base)]
        configs = [one for one in arguments if isinstance(one, type) and issubclass(one, Config)]
        if configs and "config_type" not in vars(cls):
            cls.config_type = configs[0]

    @classmethod
    def default_settings(cls) -> Settings[ConfigT]:
        """Return the defaults of all settings."""
        return Settings(cast(ConfigT, cls.config_type()), None)

    @classmethod
    def setting_names(cls) -> list[str]:
        """Return the names of all settings that the model uses, its own first."""
        settings = cls.default_settings()
        train = [] if settings.train is None else settings.train.names()
        names = [*settings.model.names(), *train]
        return [name for name in names if name not in cls.ignored_settings]

    @classmethod
    def parse_settings(cls, given: Mapping[str, Any]) -> Settings[ConfigT]:
        """Return the settings with some changed; values may be text.

        Raises:
            SettingError: an unknown name (with the nearest known one), a setting that the model
                does not use, or a value of another type or out of range.
        """
        defaults = cls.default_settings()
        cls._refuse_ignored(given)
        refuse_unknown(given, cls.setting_names())
        own = defaults.model.names()
        train = {name: value for name, value in given.items() if name not in own}
        return Settings(
            defaults.model.changed({name: given[name] for name in given if name in own}),
            defaults.train and defaults.train.changed(train),
            defaults.ignored,
        )

    @classmethod
    @abstractmethod
    def build(
        cls, dataset: Dataset, settings: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> Self:
        """Return an untrained model, or the solved one; settings as for `parse_settings`."""

    @abstractmethod
    def embeddings(self) -> Embeddings:
        """Return vectors whose inner products are the model's scores."""

    @classmethod
    def check_features(cls, dataset: Dataset) -> None:
        """Refuse a data set whose features the model cannot use.

        Raises:
            SettingError: the model needs features and there are none, or a modality has a name with
                another meaning in models.
        """
        if cls.needs_features and not dataset.features:
            raise SettingError(
                f"the model {cls.name} needs features: extract some, name tables as "
                "NAME=FILE.npy, or choose a model without: lightgcn, popularity"
            )
        for name in dataset.features:
            if (
                name in (ID, POPULARITY, NEIGHBOURS)
                or "." in name
                or hasattr(nn.ModuleDict(), name)
            ):
                raise SettingError(
                    f"no modality can be called '{name}', which has another meaning in a model; "
                    f"rename it, such as my_{name.replace('.', '_')}"
                )

    @classmethod
    def _refuse_ignored(cls, given: Mapping[str, Any]) -> None:
        for name in given:
            if name in cls.ignored_settings:
                raise SettingError(f"{cls.name} does not use {name}: {cls.ignored_settings[name]}")
