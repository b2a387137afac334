"""ClosedFormModel: the contract of models that are solved, not trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.recommender_model import ConfigT, RecommenderModel
from mmgcn.train_config import TrainConfig


class ClosedFormModel(RecommenderModel[ConfigT]):
    """A model that its constructor solves from a data set, without training or randomness.

    Subclasses are constructed from a data set and their config.
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
