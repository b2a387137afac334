"""The contract of a recommender model, and MODELS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from extract.registry import Registry
from mmgcn import losses
from mmgcn.channels import NEIGHBOURS
from mmgcn.config import Config, SettingError, positive, refuse_unknown
from mmgcn.data.dataset import Dataset
from mmgcn.interaction_rows import InteractionRows
from mmgcn.popularity_prior import POPULARITY, add_popularity, log_popularity
from mmgcn.sampling import Batch, Sampler
from mmgcn.train_config import TrainConfig

ID = "id"  # the channel of what an item's features do not say

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class Settings(Generic[ConfigT]):
    """All settings of a model. Their names are unique, so that they can be given in one mapping.

    Args:
        model: what the model is.
        train: how it is trained; None for a model in closed form.
        ignored: names of settings that the model does not use.
    """

    model: ConfigT
    train: TrainConfig | None
    ignored: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, Any]:
        """Return by name all settings that the model uses."""
        values = asdict(self.model) | ({} if self.train is None else asdict(self.train))
        return {name: value for name, value in values.items() if name not in self.ignored}


@dataclass(eq=False)
class Embeddings:
    """A trained model outside torch: scores are inner products of rows.

    Shapes:
        user: (U, d) float32; item_parts: for each channel (I, d) float32. An item is the sum of
        its parts, so the channels' contributions to a score add up to it.
    """

    user: np.ndarray | InteractionRows
    item_parts: dict[str, np.ndarray]

    @property
    def item(self) -> np.ndarray:
        """Shapes: (I, d) float32."""
        parts = list(self.item_parts.values())
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total


class RecommenderModel(ABC, Generic[ConfigT]):
    """The facts of a model that MODELS, the settings and the study of models need.

    A model is either a `Model`, trained in batches, or a `ClosedFormModel`, solved at once.

    Class attributes:
        name: its name in the registry.
        config_type: the dataclass of what the model is.
        needs_features: whether it requires at least one modality.
        uses_features: whether features change it.
        ignored_settings: settings that it does not use, each with the reason.
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
        """Return the vectors that rank as the model does."""

    @classmethod
    def check_features(cls, dataset: Dataset) -> None:
        """Refuse a data set whose features the model cannot use.

        Raises:
            SettingError: the model needs features and there are none, or the name of a modality
                has another meaning in a model.
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


class ClosedFormModel(RecommenderModel[ConfigT]):
    """A model that is solved from the data set in its constructor, without training or randomness.

    Subclasses are built from a data set and their config.
    """

    def __init__(self, dataset: Dataset, config: ConfigT) -> None:
        self.check_features(dataset)
        self.config = config
        self.num_users, self.num_items = len(dataset.users), len(dataset.items)

    @classmethod
    def build(
        cls, dataset: Dataset, settings: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> Self:
        """Return the solved model. The seed has no effect."""
        del seed
        return cls(dataset, cls.parse_settings(settings or {}).model)

    @classmethod
    def _refuse_ignored(cls, given: Mapping[str, Any]) -> None:
        super()._refuse_ignored(given)
        names = cls.setting_names()
        unused = [name for name in given if name in TrainConfig.names() and name not in names]
        if unused:
            raise SettingError(
                f"{cls.name} is solved in closed form, not trained: it does not use "
                f"{', '.join(unused)}; its settings: {', '.join(names) or 'none'}"
            )


@dataclass(frozen=True)
class ModelConfig(Config):
    """Settings of every trained model."""

    similarity: Literal["cosine", "dot"] = "cosine"
    """Score of a user and an item, in training and in ranking: the cosine of their vectors, or
    their inner product."""
    popularity_prior: float = 0.0
    """Weight of an item's log popularity that is added to its score in ranking; for cosines
    relative to the temperature, so that 1 adds it to the logits of the softmax."""
    popularity_window: float = positive(1.0, at_most=1.0)
    """Fraction of the training interactions, the latest ones, whose items count as popular."""


ModelConfigT = TypeVar("ModelConfigT", bound=ModelConfig)


class Model(nn.Module, RecommenderModel[ModelConfigT]):
    """A model that is trained in batches and exported as embeddings.

    Subclasses define how users and items are represented; loss, ranking and storage are shared.

    Class attributes:
        train_defaults: the defaults of how it is trained.
        recipes: settings for data of different kinds, by name, to choose from on the validation
            part (`mmgcn.training.recipe`); none to train with the defaults.
        trial_settings: settings of the short trainings that recipes are chosen by.
        user_tables: patterns of the names of its parameters that have a row for each user; all
            others concern items. None if several processes cannot train it.
    """

    config_type: ClassVar[type[Config]] = ModelConfig
    train_defaults: ClassVar[TrainConfig] = TrainConfig()
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    trial_settings: ClassVar[Mapping[str, Any]] = {}
    user_tables: ClassVar[tuple[str, ...] | None] = None

    def __init__(
        self,
        dataset: Dataset,
        config: ModelConfigT,
        train_config: TrainConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.check_features(dataset)
        self.config, self.train_config = config, train_config
        self.num_users, self.num_items = len(dataset.users), len(dataset.items)
        self.generator = generator
        self._prior = (
            self.prior_scale
            * config.popularity_prior
            * log_popularity(dataset.train, window=config.popularity_window)
        )

    @property
    def prior_scale(self) -> float:
        """Size of a score that adds 1 to a logit of the training loss."""
        cosine = self.config.similarity == "cosine" and self.train_config.loss == "softmax"
        return self.train_config.temperature if cosine else 1.0

    @classmethod
    def default_settings(cls) -> Settings[ModelConfigT]:
        """Return the defaults of all settings."""
        config = cast(ModelConfigT, cls.config_type())
        return Settings(config, cls.train_defaults, frozenset(cls.ignored_settings))

    @classmethod
    def build(
        cls, dataset: Dataset, settings: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> Self:
        """Return an untrained model."""
        parsed = cls.parse_settings(settings or {})
        assert parsed.train is not None
        return cls(dataset, parsed.model, parsed.train, torch.Generator().manual_seed(seed))

    @classmethod
    def recipe_order(cls, dataset: Dataset) -> list[str]:
        """Return the names of the recipes, most likely first, then those next to it."""
        del dataset
        return list(cls.recipes)

    @classmethod
    def cycles(cls, config: ModelConfigT) -> int:
        """Return the number of learning-rate cycles, such as one for each ensemble member."""
        del config
        return 1

    @property
    def num_cycles(self) -> int:
        """Number of learning-rate cycles."""
        return self.cycles(self.config)

    def resolved_settings(self) -> dict[str, Any]:
        """Return what the settings leave to the model, such as the meaning of `auto`, by name."""
        return {}

    @abstractmethod
    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the vectors of all users and all items.

        Shapes:
            the result: (U, d) and (I, d).
        """

    def item_parts(self) -> dict[str, Tensor]:
        """Return the summands of the item vectors, by channel. Shapes: each (I, d)."""
        return {ID: self.forward()[1]}

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of some users and items. Shapes: (B, d) and (N, d)."""
        user, item = self()
        # Not user[user_index], whose backward adds up in another order each time.
        return functional.embedding(user_index, user), functional.embedding(item_index, item)

    def draw(self, sampler: Sampler) -> Batch:
        """Draw the batch of a training step."""
        config = self.train_config
        if config.loss == "bpr":
            return sampler.pairwise(config.batch_size)
        return sampler.shared(config.batch_size, config.num_negatives)

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of a batch.

        Args:
            progress: completed fraction of the training schedule, from 0 to 1.

        Shapes:
            the result: ().
        """
        del progress
        user, items = self.rows(
            batch.user_index, torch.cat([batch.item_index, batch.negative_index])
        )
        return self.recommendation_loss(batch, user, items)

    def recommendation_loss(self, batch: Batch, user: Tensor, items: Tensor) -> Tensor:
        """Return softmax or BPR, with L2 regularisation, of the vectors of a batch.

        Shapes:
            user: (B, d); items: (B + N, d), the interactions' items, then the negatives; the
            result: ().
        """
        config, size = self.train_config, len(batch.item_index)
        squared = user.square().sum(1).mean() + items[:size].square().sum(1).mean()
        if self.config.similarity == "cosine":
            user, items = functional.normalize(user), functional.normalize(items)
        positive, negative = items[:size], items[size:]
        if batch.watched is None:
            value = losses.bpr((user * positive).sum(dim=1), (user * negative).sum(dim=1))
        else:
            value = losses.sampled_softmax(
                user, positive, negative, batch.watched, temperature=config.temperature
            )
        if config.l2_reg:
            value = value + config.l2_reg * squared
        return value

    @torch.no_grad()
    def embeddings(self) -> Embeddings:
        """Return the vectors that rank as the model does, for cosines those of length one."""
        training = self.training
        self.eval()
        user = self()[0]
        parts = self.item_parts()
        if self.config.similarity == "cosine":
            user = functional.normalize(user)
            length = torch.stack(list(parts.values())).sum(0).norm(dim=1, keepdim=True)
            parts = {name: part / length.clamp(min=1e-12) for name, part in parts.items()}
        self.train(training)
        rows = user.float().cpu().numpy()
        columns = {name: part.float().cpu().numpy() for name, part in parts.items()}
        if self.config.popularity_prior:
            rows, columns = add_popularity(rows, columns, self._prior)
        return Embeddings(rows, columns)


MODELS: Registry[type[RecommenderModel[Any]]] = Registry(
    "model", package="mmgcn.models", group="mmgcn.models"
)
