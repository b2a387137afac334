"""Popularity: everybody is shown what most people watch. What any model must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.model import Model, Training


@dataclass(frozen=True)
class Settings(Training):
    """Nothing to set: a score is a plain count."""

    similarity: Literal["cosine", "dot"] = "dot"


class Popularity(Model):
    """An item's score is the number of its training interactions."""

    name: ClassVar[str] = "popularity"
    Settings: ClassVar[type[Training]] = Settings
    closed_form: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        counts = torch.bincount(
            torch.as_tensor(dataset.train.item_index, dtype=torch.int64), minlength=self.num_items
        )
        self.register_buffer("counts", counts.float()[:, None])

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return ones and counts. Shapes: (U, 1) and (I, 1)."""
        counts: Tensor = self.get_buffer("counts")
        return torch.ones(self.num_users, 1, device=counts.device), counts

    def item_parts(self) -> dict[str, Tensor]:
        """Return the one channel, popularity."""
        return {"popularity": self.get_buffer("counts")}


MODEL = Popularity
