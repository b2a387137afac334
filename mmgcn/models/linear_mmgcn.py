"""Linear MMGCN: MMGCN's channels, propagated without weights or activations, ids beside content.

A channel for each modality m and one for ids. F_m holds the standardised features, each row of
length one, zero where an item lacks the modality; E holds trained id vectors; W_m is trained:

    X_m = F_m W_m,  X_id = w E                       what an item is, by channel          (I, d)
    Y_c = X_c + s K X_c                              and what items of like content are
    U_c = A Y_c                                      a user's preference, by channel      (U, d)
    Z_c = Y_c + A^T U_c                              an item, with what its viewers watch (I, d)
    u = sum over c of U_c,  i = sum over c of Z_c,  score = cosine(u, i)

A is the user-item graph with weights 1 / sqrt(|N_u| |N_i|). K joins each item to the `num_alike`
items whose features, all modalities side by side, are most alike; its rows sum to one. Everything
is linear, so the channels are summed first and propagated once, which is exact:
S(a) + S(b) = S(a + b). A channel's own share is worked out when a run is written.

w is 0 for items without a training interaction and 1 for the others: a video that nobody has
watched is known by its content and its neighbours in K alone. A user is nothing but what they
watch, as in MMGCN's aggregation; a user table beside it did not help.

Ancestry: the channels and their fusion are MMGCN's (Wei et al., ACM MM 2019); propagation without
weights is LightGCN's (He et al., SIGIR 2020); a frozen graph of items with like content is
LATTICE's and FREEDOM's (Zhang et al., ACM MM 2021; Zhou, Shen, ACM MM 2023); users as the mean of
their items are FISM's (Kabbur et al., KDD 2013); the loss is sampled softmax over cosines (Wu et
al., TOIS 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph, SparseProduct
from mmgcn.model import Model, Training, standardised, table

BLOCK_ROWS = 2_048  # items compared with all others at once
ID = "id"


@dataclass(frozen=True)
class Settings(Training):
    """Settings of linear MMGCN."""

    dim: int = 128
    """Width of every channel."""
    num_alike: int = 10
    """Neighbours of an item by content; 0 leaves the item-item graph out."""
    alike_weight: float = 1.0
    """s, the weight of the neighbours beside the item itself."""
    learning_rate: float = 5e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    temperature: float = 0.3
    user_balance: float = 0.5
    negatives: Literal["all", "watched"] = "watched"
    epochs: int = 8
    id_scale: float = 0.03
    """Deviation of the id vectors at the start; small, so that content leads."""


class LinearMMGCN(Model):
    """A linear graph convolution per modality and for ids, fused by their sum."""

    name: ClassVar[str] = "linear_mmgcn"
    Settings: ClassVar[type[Training]] = Settings

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        train = dataset.train
        self.graph = BipartiteGraph(
            train.user_index,
            train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="sym",
        )
        self.item_id = table(self.num_items, settings.dim, generator, scale=settings.id_scale)
        watched = torch.zeros(self.num_items, 1)
        watched[torch.as_tensor(train.item_index, dtype=torch.int64)] = 1
        self.register_buffer("watched", watched, persistent=False)
        self.weight = nn.ParameterDict()
        features: dict[str, Tensor] = {}
        for name, values in dataset.features.items():
            rows = functional.normalize(standardised(values, dataset.present[name]))
            self.register_buffer(f"features_{name}", rows, persistent=False)
            self.weight[name] = table(rows.shape[1], settings.dim, generator, scale=0.1)
            features[name] = rows
        self.alike = None
        if features and settings.num_alike:
            self.alike = alike_graph(torch.cat(list(features.values()), dim=1), settings.num_alike)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        return self._propagate(torch.stack(list(self._channels().values())).sum(dim=0))

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's share of the item vectors."""
        return {name: self._propagate(x)[1] for name, x in self._channels().items()}

    def _channels(self) -> dict[str, Tensor]:
        """Return X by channel. Shapes: (I, d) each."""
        return {
            ID: self.item_id * self.get_buffer("watched"),
            **{
                name: self.get_buffer(f"features_{name}") @ weight
                for name, weight in self.weight.items()
            },
        }

    def _propagate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: x: (I, d); the result: (U, d) and (I, d)."""
        y = x if self.alike is None else x + self.settings.alike_weight * self.alike(x)
        user = self.graph.users_from_items(y)
        return user, y + self.graph.items_from_users(user)


def alike_graph(features: Tensor, num_alike: int) -> SparseProduct:
    """Return K: each item's nearest items by cosine, rows summing to one.

    An item without any modality (a row of zeros) has no neighbours and is nobody's. Compares every
    pair, a block of rows at a time: I^2 D operations in all, I * num_alike entries.

    Shapes:
        features: (I, D).
    """
    rows = functional.normalize(features)
    held = (rows.abs().sum(dim=1) > 0).nonzero().squeeze(1)
    own = rows[held]
    k = max(0, min(num_alike, len(held) - 1))
    columns, values = [], []
    for start in range(0, len(held), BLOCK_ROWS):
        likeness = own[start : start + BLOCK_ROWS] @ own.T
        places = torch.arange(len(likeness))
        likeness[places, start + places] = -torch.inf  # not itself
        best = likeness.topk(k, dim=1)
        columns.append(held[best.indices.flatten()])
        values.append(best.values.clamp(min=0).flatten())
    row = held.repeat_interleave(k)
    column = torch.cat([held[:0], *columns])
    value = torch.cat([own.new_zeros(0), *values])
    total = torch.zeros(len(features)).index_add_(0, row, value).clamp(min=1e-12)
    return SparseProduct.of(row, column, value / total[row], (len(features), len(features)))


MODEL = LinearMMGCN
