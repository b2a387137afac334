"""Batch, and Sampler: interactions as positives, and items that were not watched as negatives."""

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
        negative_index: (N,) int64 different items shared by the batch, or (B,) one for each
            interaction, which its user has not watched.
        watched: (P, 2) int64 if the negatives are shared: the indices (b, n) of those that a user
            has watched. None if each interaction has its own.
    """

    user_index: Tensor
    item_index: Tensor
    negative_index: Tensor
    watched: Tensor | None

    def select(self, kept: Tensor) -> Batch:
        """Return some of the interactions; shared negatives are kept. Shapes: kept: (B,) bool.

        >>> batch = Batch(*(torch.arange(3) for _ in range(3)), torch.tensor([[0, 1], [2, 0]]))
        >>> batch.select(torch.tensor([False, True, True])).watched.tolist()
        [[1, 0]]
        """
        users, items = self.user_index[kept], self.item_index[kept]
        if self.watched is None:
            return Batch(users, items, self.negative_index[kept], None)
        rows, columns = self.watched.unbind(dim=1)
        among = kept[rows]
        rows = (kept.cumsum(0) - 1)[rows[among]]
        return Batch(users, items, self.negative_index, torch.stack([rows, columns[among]], dim=1))

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
    """Draws batches from one generator, whose state is all that resuming restores.

    Args:
        user_index, item_index: (E,) the training interactions.
        user_balance: an interaction is drawn with weight degree(user)^-user_balance: 0 draws
            interactions uniformly, 1 draws users uniformly.
        only_watched: never draw items without interactions as negatives.
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
        """Return the sampler of some training interactions, as a configuration defines it."""
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
        """Return which pairs are training interactions.

        Shapes:
            both: any, broadcast against each other; the result: their common shape, bool.
        """
        wanted = user_index * self._num_items + item_index
        at = torch.searchsorted(self._keys, wanted).clamp(max=len(self._keys) - 1)
        return self._keys[at] == wanted

    def interactions(self, size: int) -> tuple[Tensor, Tensor]:
        """Draw interactions with replacement. Shapes: two of (size,) int64."""
        if self._cumulated is None:
            rows = torch.randint(len(self._users), (size,), generator=self._generator)
        else:
            at = torch.rand(size, generator=self._generator, dtype=torch.float64)
            rows = torch.searchsorted(self._cumulated, at * self._cumulated[-1])
            rows = rows.clamp(max=len(self._users) - 1)
        return self._users[rows], self._items[rows]

    def shared(self, size: int, num_negatives: int) -> Batch:
        """Draw a batch whose negatives, uniform over the items, are shared by all of it.

        A little fewer than `num_negatives` where an item is drawn twice.
        """
        users, items = self.interactions(size)
        negatives = torch.unique(self._negatives(num_negatives))
        column_of = torch.full((self._num_items,), -1)
        column_of[negatives] = torch.arange(len(negatives))
        # The items of each different user of the batch, and their columns among the negatives: a
        # few items per user, where comparing every pair would be B x N.
        distinct, user_of_row = torch.unique(users, return_inverse=True)
        degree = self._degree[distinct]
        at = _ranges(self._start[distinct], degree)
        columns = column_of[self._keys[at] % self._num_items]
        among = columns >= 0
        columns = columns[among]
        of_user = torch.repeat_interleave(degree)[among]
        counts = torch.bincount(of_user, minlength=len(distinct))
        first = counts.cumsum(0) - counts
        rows = torch.repeat_interleave(counts[user_of_row])
        columns = columns[_ranges(first[user_of_row], counts[user_of_row])]
        return Batch(users, items, negatives, torch.stack([rows, columns], dim=1))

    def pairwise(self, size: int) -> Batch:
        """Draw a batch with one unwatched item for each interaction."""
        users, items = self.interactions(size)
        negatives = self._negatives(size)
        # Redraw what was watched. A user who has watched nearly everything keeps the last draw.
        for _ in range(20):
            again = self.watched(users, negatives).nonzero().squeeze(1)
            if len(again) == 0:
                break
            negatives[again] = self._negatives(len(again))
        return Batch(users, items, negatives, None)

    def _negatives(self, size: int) -> Tensor:
        """Draw items uniformly. Shapes: (size,) int64."""
        rows = torch.randint(len(self._candidates), (size,), generator=self._generator)
        drawn: Tensor = self._candidates[rows]
        return drawn


def _ranges(start: Tensor, counts: Tensor) -> Tensor:
    """[5, 0], [2, 3] -> [5, 6, 0, 1, 2]. Shapes: (N,) each; the result: (sum of counts,)."""
    shift = start - (counts.cumsum(0) - counts)
    at = torch.repeat_interleave(shift, counts)
    return at + torch.arange(len(at))
