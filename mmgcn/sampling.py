"""Batch and Sampler: interactions as positives, unwatched items as negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from mmgcn.data.interactions import Interactions
from mmgcn.train_config import TrainConfig


@dataclass(eq=False)
class Batch:
    """The interactions and negatives of a training step.

    Shapes:
        user_index, item_index: (B,) int64, interactions.
        negative_index: (N,) int64, distinct items shared by the batch, or (B,) int64, one unwatched
            item per interaction.
        watched: (P, 2) int64, the pairs (b, n) of shared negatives n that the user of interaction b
            has watched; None if each interaction has its own negative.
    """

    user_index: Tensor
    item_index: Tensor
    negative_index: Tensor
    watched: Tensor | None

    def select(self, kept: Tensor) -> Batch:
        """Return the batch with some of its interactions and all shared negatives.

        Shapes:
            kept: (B,) bool.

        >>> batch = Batch(*(torch.arange(3) for _ in range(3)), torch.tensor([[0, 1], [2, 0]]))
        >>> batch.select(torch.tensor([False, True, True])).watched.tolist()
        [[1, 0]]
        """
        users, items = self.user_index[kept], self.item_index[kept]
        if self.watched is None:
            return Batch(users, items, self.negative_index[kept], None)
        rows, columns = self.watched.unbind(dim=1)
        is_kept = kept[rows]
        rows = (kept.cumsum(0) - 1)[rows[is_kept]]
        watched = torch.stack([rows, columns[is_kept]], dim=1)
        return Batch(users, items, self.negative_index, watched)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        watched = None if self.watched is None else self.watched.to(device)
        return Batch(
            self.user_index.to(device),
            self.item_index.to(device),
            self.negative_index.to(device),
            watched,
        )


class Sampler:
    """Draws batches from one generator, the only state that a resumed training has to restore.

    Args:
        user_index, item_index: training interactions.
        generator: generator on the CPU.
        user_balance: exponent b of the weight degree(user)^-b of an interaction: 0 draws
            interactions uniformly, 1 draws users uniformly.
        only_watched: never draw items without interactions as negatives.

    Shapes:
        user_index, item_index: (E,).
    """

    def __init__(
        self,
        user_index: np.ndarray,
        item_index: np.ndarray,
        *,
        num_items: int,
        generator: torch.Generator,
        user_balance: float = 0.0,
        only_watched: bool = False,
    ) -> None:
        self._users = torch.as_tensor(user_index, dtype=torch.int64)
        self._items = torch.as_tensor(item_index, dtype=torch.int64)
        self._num_items, self._generator = num_items, generator
        self._keys = torch.sort(self._users * num_items + self._items).values
        self._degree = torch.bincount(self._users)
        self._start = self._degree.cumsum(0) - self._degree
        self._candidates = torch.unique(self._items) if only_watched else torch.arange(num_items)
        self._cumulated: Tensor | None = None
        if user_balance:
            weight = self._degree[self._users].double()
            self._cumulated = weight.pow(-user_balance).cumsum(0)

    @classmethod
    def of(
        cls, train: Interactions, generator: torch.Generator, config: TrainConfig | None = None
    ) -> Self:
        """Return a sampler of training interactions with the settings of a configuration."""
        config = config or TrainConfig()
        return cls(
            train.user_index,
            train.item_index,
            num_items=len(train.items),
            generator=generator,
            user_balance=config.user_balance,
            only_watched=config.negatives == "watched",
        )

    def watched(self, user_index: Tensor, item_index: Tensor) -> Tensor:
        """Return whether pairs are training interactions.

        Shapes:
            user_index, item_index: any shapes that broadcast; the result: bool, of the broadcast
            shape.
        """
        keys = user_index * self._num_items + item_index
        at = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        return self._keys[at] == keys

    def interactions(self, size: int) -> tuple[Tensor, Tensor]:
        """Draw users and items of interactions, with replacement. Shapes: (size,) int64 each."""
        if self._cumulated is None:
            rows = torch.randint(len(self._users), (size,), generator=self._generator)
        else:
            at = torch.rand(size, generator=self._generator, dtype=torch.float64)
            rows = torch.searchsorted(self._cumulated, at * self._cumulated[-1])
            rows = rows.clamp(max=len(self._users) - 1)
        return self._users[rows], self._items[rows]

    def shared(self, size: int, num_negatives: int) -> Batch:
        """Draw a batch with shared negatives, uniform over the items.

        There are slightly fewer than `num_negatives`, since repeated draws of an item count once.
        """
        users, items = self.interactions(size)
        negatives = torch.unique(self._negatives(num_negatives))
        column_of = torch.full((self._num_items,), -1)
        column_of[negatives] = torch.arange(len(negatives))
        # Look up the watched items of each distinct user among the negatives: a few items per
        # user, whereas comparing every pair would take B x N operations.
        distinct, user_of_row = torch.unique(users, return_inverse=True)
        degree = self._degree[distinct]
        at = _ranges(self._start[distinct], degree)
        columns = column_of[self._keys[at] % self._num_items]
        is_negative = columns >= 0
        columns = columns[is_negative]
        user = torch.repeat_interleave(degree)[is_negative]
        counts = torch.bincount(user, minlength=len(distinct))
        first = counts.cumsum(0) - counts
        rows = torch.repeat_interleave(counts[user_of_row])
        columns = columns[_ranges(first[user_of_row], counts[user_of_row])]
        return Batch(users, items, negatives, torch.stack([rows, columns], dim=1))

    def pairwise(self, size: int) -> Batch:
        """Draw a batch with one unwatched item per interaction."""
        users, items = self.interactions(size)
        negatives = self._negatives(size)
        # Redraw watched items. A user who has watched nearly everything keeps the last draw.
        for _ in range(20):
            rejected = self.watched(users, negatives).nonzero().squeeze(1)
            if len(rejected) == 0:
                break
            negatives[rejected] = self._negatives(len(rejected))
        return Batch(users, items, negatives, None)

    def _negatives(self, size: int) -> Tensor:
        """Draw items uniformly. Shapes: (size,) int64."""
        rows = torch.randint(len(self._candidates), (size,), generator=self._generator)
        drawn: Tensor = self._candidates[rows]
        return drawn


def _ranges(start: Tensor, counts: Tensor) -> Tensor:
    """Return concatenated ranges: [5, 0], [2, 3] -> [5, 6, 0, 1, 2].

    Shapes:
        start, counts: (N,); the result: (sum of counts,).
    """
    shift = start - (counts.cumsum(0) - counts)
    at = torch.repeat_interleave(shift, counts)
    return at + torch.arange(len(at))
