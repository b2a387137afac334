"""Model: the contract of a model that is trained in batches, and MODELS, the registry of all."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from extract.registry import Registry
from mmgcn import losses
from mmgcn.channels import ID
from mmgcn.config import Config, positive
from mmgcn.data.dataset import Dataset
from mmgcn.data.interactions import Interactions
from mmgcn.popularity_prior import add_popularity, log_popularity
from mmgcn.recommender_model import Embeddings, RecommenderModel, Settings
from mmgcn.sampling import Batch, Sampler
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class ModelConfig(Config):
    """Settings of every trained model."""

    similarity: Literal["cosine", "dot"] = "cosine"
    """Score of a user and an item, in training and in ranking: the cosine of their vectors, or
    their inner product."""
    popularity_prior: float = 0.0
    """Weight of an item's log popularity, which is added to its score in ranking; for cosines
    relative to the temperature, so that 1 adds it to the logits of the softmax."""
    popularity_window: float = positive(1.0, at_most=1.0)
    """Fraction of the training interactions, the latest ones, that popularity is counted from."""


ModelConfigT = TypeVar("ModelConfigT", bound=ModelConfig)


class Model(nn.Module, RecommenderModel[ModelConfigT]):
    """A model that is trained in batches and exported as embeddings.

    Subclasses define how users and items are represented; loss, ranking and storage are shared.

    Class attributes:
        train_defaults: default training settings.
        recipes: settings for data of different kinds, by name, to choose from on the validation
            part (`mmgcn.training.recipe`); empty to train with the defaults.
        user_tables: name patterns of the parameters with one row per user; all others are
            replicated. None if several processes cannot train the model.
    """

    config_type: ClassVar[type[Config]] = ModelConfig
    train_defaults: ClassVar[TrainConfig] = TrainConfig()
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
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
        self.set_prior(dataset.train, config.popularity_prior)
        self.create_parameters(dataset, generator)

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the parameters and buffers; the constructor calls it when the config is set.

        A subclass calls that of its base class first.
        """

    def set_prior(self, train: Interactions, weight: float) -> None:
        """Set the weight of the popularity prior, with the popularity in the training part."""
        self.config = replace(self.config, popularity_prior=weight)
        logarithm = log_popularity(train, window=self.config.popularity_window)
        self._prior = self.prior_scale * weight * logarithm

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
    def first_recipe(cls, dataset: Dataset) -> str:
        """Return the name of the recipe that is tried first."""
        del dataset
        return next(iter(cls.recipes))

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
        """Return values that the model derives from settings, such as from `auto`, by name."""
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
        """Return the softmax or BPR loss of a batch's vectors, with L2 regularisation.

        Shapes:
            user: (B, d); items: (B + N, d), the positive items, then the negatives; the result: ().
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
        """Return vectors whose inner products are the model's scores: for cosines, unit vectors."""
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
