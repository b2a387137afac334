"""Linear MMGCN: MMGCN's channels, propagated without weights or activations, by several members.

A channel for each modality m and one for ids. F_m holds the standardised features, each row of
length one, zero where an item lacks the modality; E holds id vectors; E and W_m are trained:

    X_m = F_m W_m,  X_id = w E                       what an item is, by channel          (I, d)
    Y_c = X_c + s K X_c                              and what items of like content are
    U_c = A Y_c                                      a user's preference, by channel      (U, d)
    Z_c = Y_c + g B U_c                              an item, with what its viewers watch (I, d)
    u = sum over c of U_c,  i = sum over c of Z_c
    score = mean over the members of cosine(u, i)

A is the mean over what a user watches, B the mean over who watches an item. K joins each item to
the `num_alike` items whose features, all modalities side by side, are most alike; rows sum to one.
Everything is linear, so the channels are summed first and propagated once, which is exact:
S(a) + S(b) = S(a + b). A channel's own share is worked out when a run is written.

w is 0 for items without a training interaction and 1 for the others: a video that nobody has
watched is known by its content and its neighbours in K alone. A user is nothing but what they
watch, as in MMGCN's aggregation; a user table beside it did not help. Two things make what is
learned fit what is asked later, where the video to be found is not in the graph: a batch's own
interactions are taken out of the graph with probability `leave_out`, and interactions are drawn
by user (`user_balance`), because the few who watch hundreds are asked about as often as the rest.

The `num_members` members have the same shape and tables of their own. They are trained one after
the other, each for its share of the epochs and with its own fall of the learning rate, and their
scores are averaged: the mean of a few models errs less than any of them. A member that has not
begun takes no part. docs/results.md has what each of these is worth.

Ancestry: the channels and their fusion are MMGCN's (Wei et al., ACM MM 2019); propagation without
weights is LightGCN's (He et al., SIGIR 2020), as a random walk with restarts at the items of like
content; a frozen graph of those is LATTICE's and FREEDOM's (Zhang et al., ACM MM 2021; Zhou, Shen,
ACM MM 2023); users as the mean of their items, without the item in question, are FISM's (Kabbur et
al., KDD 2013); leaving edges out is DropEdge (Rong et al., ICLR 2020); the loss is sampled softmax
over cosines (Wu et al., TOIS 2024); members trained in turn are snapshot ensembles' (Huang et al.,
ICLR 2017), started afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import (
    ID,
    GraphTraining,
    Model,
    SettingError,
    Training,
    standardised,
    table,
)
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.sparse import SparseProduct
from mmgcn.training import losses
from mmgcn.training.sampling import Batch

BLOCK_ROWS, BLOCK_CELLS = 2_048, 1 << 25  # items compared with all others at once; 128 MiB
GROUP = 64  # of items, of which first the best is looked at


@dataclass(frozen=True)
class Settings(GraphTraining):
    """Settings of linear MMGCN."""

    dim: int = 64
    """Width of a member; the vectors of the run are num_members times as wide."""
    num_members: int = 3
    """R, models of this shape whose scores are averaged, trained one after the other."""
    num_alike: int = 10
    """Neighbours of an item in content; 0 leaves the item-item graph out."""
    alike_weight: float = 1.0
    """s, the weight of those neighbours beside the item itself."""
    viewer_weight: float = 2.0
    """g, the weight of what an item's viewers watch beside the item itself."""
    leave_out: float = 0.5
    """Probability that an interaction of the batch is taken out of the graph for the step."""
    edge_dropout: float = 0.1
    """Share of all interactions that is taken out of the graph for the step."""
    popularity: float = 0.1
    """How much of an item's log share of the batches is kept from what is learned, and so raises
    its rank: 0 ranks by how likely an item is for the user."""
    id_scale: float = 0.03
    """Deviation of the id vectors at the start; small, so that content leads."""
    learning_rate: float = 5e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    temperature: float = 0.3
    user_balance: float = 1.0
    negatives: Literal["all", "watched"] = "watched"
    epochs: int = 12
    patience: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.leave_out > 1 or self.edge_dropout >= 1:
            raise SettingError(
                f"leave_out is {self.leave_out} and edge_dropout {self.edge_dropout}; the first is "
                "at most 1, the second less than 1"
            )


class Member(nn.Module):
    """What one member learns: id vectors, and a projection for each modality."""

    def __init__(
        self, num_items: int, widths: dict[str, int], settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.item_id = table(num_items, settings.dim, generator, scale=settings.id_scale)
        self.weight = nn.ParameterDict(
            {name: table(d, settings.dim, generator, scale=0.1) for name, d in widths.items()}
        )


class LinearMMGCN(Model):
    """A linear graph convolution per modality and for ids, fused by their sum; several of them."""

    name: ClassVar[str] = "linear_mmgcn"
    Settings: ClassVar[type[Training]] = Settings
    unheeded: ClassVar[Mapping[str, str]] = {
        "similarity": "a score is the mean of its members' cosines",
        "penalty": "the lengths of its vectors do not count; it takes weight_decay",
    }
    user_tables: ClassVar[tuple[str, ...] | None] = ()

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        train = dataset.train
        self.graph = BipartiteGraph(
            train.user_index,
            train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="mean",
        )
        self.neighbours = settings.sampler(self.graph, generator)
        user_index = torch.as_tensor(train.user_index, dtype=torch.int64)
        item_index = torch.as_tensor(train.item_index, dtype=torch.int64)
        drawn = torch.bincount(user_index)[user_index].double().pow(-settings.user_balance)
        share = torch.bincount(item_index, drawn / drawn.sum(), minlength=self.num_items)
        self.register_buffer("watched", (share > 0)[:, None].float(), persistent=False)
        log_share = (share + 1e-6).log()[:, None].float()
        self.register_buffer("log_share", log_share - log_share.mean(), persistent=False)
        features = {
            name: functional.normalize(standardised(values, dataset.present[name]))
            for name, values in dataset.features.items()
        }
        for name, rows in features.items():
            self.register_buffer(f"features_{name}", rows, persistent=False)
        self.alike = alike_graph(list(features.values()), settings.num_alike)
        widths = {name: rows.shape[1] for name, rows in features.items()}
        self.members = nn.ModuleList(
            Member(self.num_items, widths, settings, generator) for _ in range(settings.num_members)
        )
        self.num_cycles = settings.num_members  # each has a fall of the learning rate to itself
        self.register_buffer("num_begun", torch.ones((), dtype=torch.int64))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, R d) and (I, R d), each member's vectors at a length of 1 / sqrt(R)."""
        user, parts = self._fused()
        return user, torch.stack(list(parts.values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's share of the item vectors."""
        return self._fused()[1]

    def loss(self, batch: Batch) -> Tensor:
        """Return the loss of the member whose turn it is. Shapes: ()."""
        settings, size = self.settings, len(batch.item_index)
        turn = min(int(self.share_done * len(self.members)), len(self.members) - 1)
        self.get_buffer("num_begun").clamp_(min=turn + 1)
        rows = torch.cat([batch.item_index, batch.negative_index])
        hood = self.neighbours.around(
            batch.user_index,
            rows,
            user_hops=1,
            item_hops=2,
            leave_out=settings.leave_out,
            dropout=settings.edge_dropout,
        )
        x = torch.stack(list(self._channels(self.members[turn]).values())).sum(dim=0)
        user, item = self._propagate(x, hood)
        u, i = functional.normalize(user), functional.normalize(item)
        if batch.watched is None:
            return losses.bpr((u * i[:size]).sum(dim=1), (u * i[size:]).sum(dim=1))
        if settings.popularity:
            # One more column of the inner product, - popularity * log share, that ranking lacks.
            bias = functional.embedding(rows, self.get_buffer("log_share"))
            i = torch.cat([i, -settings.popularity * settings.temperature * bias], dim=1)
            u = torch.cat([u, torch.ones_like(u[:, :1])], dim=1)
        return losses.sampled_softmax(
            u, i[:size], i[size:], batch.watched, temperature=settings.temperature
        )

    def _fused(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the users, and the items by channel. Shapes: (U, R d); each (I, R d)."""
        num_begun = int(self.get_buffer("num_begun"))
        share = num_begun**-0.5
        whole = Neighbourhood(self.graph)
        users, items = [], []
        for number, member in enumerate(self.members):
            parts = self._channels(member)
            made = {name: self._propagate(x, whole) for name, x in parts.items()}
            user = torch.stack([u for u, _ in made.values()]).sum(dim=0)
            item = torch.stack([i for _, i in made.values()]).sum(dim=0)
            begun = share if number < num_begun else 0.0
            length = item.norm(dim=1, keepdim=True).clamp(min=1e-12)
            users.append(functional.normalize(user) * begun)
            items.append({name: i / length * begun for name, (_, i) in made.items()})
        return torch.cat(users, dim=1), {
            name: torch.cat([part[name] for part in items], dim=1) for name in items[0]
        }

    def _channels(self, member: nn.Module) -> dict[str, Tensor]:
        """Return X by channel. Shapes: (I, d) each."""
        assert isinstance(member, Member)
        return {
            ID: member.item_id * self.get_buffer("watched"),
            **{
                name: self.get_buffer(f"features_{name}") @ weight
                for name, weight in member.weight.items()
            },
        }

    def _propagate(self, x: Tensor, hood: Neighbourhood) -> tuple[Tensor, Tensor]:
        """Shapes: x: (I, d); the result: (U, d) and (I, d), or (B, d) and (N, d)."""
        y = x if self.alike is None else x + self.settings.alike_weight * self.alike(x)
        y = hood.of_items(y)
        user = hood.graph.users_from_items(y)
        return hood.wanted(
            user, y + self.settings.viewer_weight * hood.graph.items_from_users(user)
        )


def alike_graph(features: list[Tensor], num_alike: int) -> SparseProduct | None:
    """Return K: each item's nearest items by cosine over all modalities, rows summing to one.

    An item without any modality has no neighbours and is nobody's. Compares every pair, a block
    of rows at a time: I^2 D operations and I * num_alike entries.

    Shapes:
        features: for each modality (I, D), rows of length one or zero.
    """
    if not features or not num_alike:
        return None
    matrix = functional.normalize(torch.cat(features, dim=1))
    num_items = len(matrix)
    held = (matrix.abs().sum(dim=1) > 0).nonzero().squeeze(1)
    k = min(num_alike, len(held) - 1)
    if k < 1:
        return None
    own = matrix[held]
    size = min(BLOCK_ROWS, max(1, BLOCK_CELLS // len(held)))
    columns, values = [], []
    for start in range(0, len(held), size):
        likeness = own[start : start + size] @ own.T
        places = torch.arange(len(likeness))
        likeness[places, start + places] = -torch.inf  # not itself
        value, column = _largest(likeness, k)
        columns.append(held[column])
        values.append(value.clamp(min=0))
    column, value = torch.cat(columns), torch.cat(values)  # (held, k)
    value = value / value.sum(dim=1, keepdim=True).clamp(min=1e-12)
    row = held.repeat_interleave(k)
    return SparseProduct.of(row, column.flatten(), value.flatten(), (num_items, num_items))


def _largest(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest of each row, and where they are.

    The k largest lie in the k groups whose largest are largest, so that nearly all numbers are
    compared once and never sorted: five times faster than topk on rows of 200,000.

    Shapes:
        rows: (N, C); the result: (N, k) twice.
    """
    num_groups = rows.shape[1] // GROUP
    if num_groups <= k:
        best = rows.topk(k, dim=1)
        return best.values, best.indices
    grouped = rows[:, : num_groups * GROUP].reshape(len(rows), num_groups, GROUP)
    groups = grouped.amax(dim=2).topk(k, dim=1).indices
    inside = groups[:, :, None] * GROUP + torch.arange(GROUP)  # (N, k, GROUP)
    rest = torch.arange(num_groups * GROUP, rows.shape[1]).expand(len(rows), -1)
    candidates = torch.cat([inside.flatten(1), rest], dim=1)
    best = rows.gather(1, candidates).topk(k, dim=1)
    return best.values, candidates.gather(1, best.indices)


MODEL = LinearMMGCN
