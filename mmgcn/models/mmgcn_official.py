"""MMGCN as its published code computes it, to compare with; `mmgcn` is the paper.

The code that the paper's authors published departs from the paper. Reproduced here:

- User preferences and id embeddings are drawn once and never trained: they are plain tensors that
  no optimiser is given. They are buffers here.
- The penalty touches nothing but those tensors, so it changes no gradient: there is none.
- The combination is always concatenation: the switch is the string 'False', which is true.
- There are always three layers, whatever number is asked for.
- The first layer is as wide as the features, as given, not standardised; the visual ones are
  projected to 256 first. W2, W3 and that projection have a bias.
- Preferences and features are scaled to length one before the first layer.
- The mean over the modalities in place of the sum, which ranks alike.
- BPR with one negative for each interaction, inner products, Adam, batches of 1,024.

Not reproduced are two faults of its evaluation, which would make figures incomparable: seen items
get the score 0.00001 where they should get none, and the lists are made from the vectors of the
last training step, before its update. It knows no mask for an item that lacks a modality: such a
feature is zero.

Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video, ACM MM 2019, and the code published with it, read for what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import Model, Training, table

NUM_LAYERS = 3
VISUAL_WIDTH = 256


@dataclass(frozen=True)
class Settings(Training):
    """Settings of the published code."""

    loss: Literal["softmax", "bpr"] = "bpr"
    similarity: Literal["cosine", "dot"] = "dot"
    batch_size: int = 1024
    learning_rate: float = 5e-4
    patience: int = 20
    dim: int = 64
    """Width of the ids and of what every layer gives."""


class Linear(nn.Module):
    """x W + b, drawn from a generator."""

    def __init__(self, width: int, to: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = table(width, to, generator)
        spread = (2 * torch.rand(to, generator=generator) - 1) / width**0.5
        self.bias = nn.Parameter(spread)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, width); the result: (N, to)."""
        return torch.addmm(self.bias, x, self.weight)


class Layer(nn.Module):
    """Aggregation and combination, of one width to another."""

    def __init__(self, width: int, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.w1 = table(width, width, generator)
        self.w2 = Linear(width, dim, generator)
        self.w3 = Linear(width + dim, dim, generator)

    def forward(self, x: Tensor, heard: Tensor, identity: Tensor) -> Tensor:
        """Shapes: x, heard: (N, width), the mean of the neighbours; the result: (N, dim)."""
        h = functional.leaky_relu(heard @ self.w1)
        x_hat = functional.leaky_relu(self.w2(x)) + identity
        return functional.leaky_relu(self.w3(torch.cat([h, x_hat], dim=1)))


class Branch(nn.Module):
    """One modality."""

    def __init__(
        self,
        features: Tensor,
        graph: BipartiteGraph,
        dim: int,
        generator: torch.Generator,
        *,
        project_to: int | None,
    ) -> None:
        super().__init__()
        width = project_to or features.shape[1]
        self.graph = graph
        self.project = Linear(features.shape[1], width, generator) if project_to else None
        self.layers = nn.ModuleList(
            Layer(width if number == 0 else dim, dim, generator) for number in range(NUM_LAYERS)
        )
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("preference", table(graph.num_users, width, generator).data)

    def forward(self, user_id: Tensor, item_id: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: user_id: (U, d); item_id: (I, d); the result: (U, d) and (I, d)."""
        features = self.get_buffer("features")
        user = functional.normalize(self.get_buffer("preference"))
        item = functional.normalize(features if self.project is None else self.project(features))
        for layer in self.layers:
            to_user, to_item = self.graph.users_from_items(item), self.graph.items_from_users(user)
            user, item = layer(user, to_user, user_id), layer(item, to_item, item_id)
        return user, item


class MMGCNOfficial(Model):
    """What the published code computes."""

    name: ClassVar[str] = "mmgcn_official"
    Settings: ClassVar[type[Training]] = Settings
    needs_features: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        graph = BipartiteGraph(
            dataset.train.user_index,
            dataset.train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="mean",
        )
        self.branches = nn.ModuleDict(
            {
                name: Branch(
                    torch.from_numpy(features),
                    graph,
                    settings.dim,
                    generator,
                    project_to=VISUAL_WIDTH if name == "visual" else None,
                )
                for name, features in dataset.features.items()
            }
        )
        self.register_buffer("user_id", table(self.num_users, settings.dim, generator).data)
        self.register_buffer("item_id", table(self.num_items, settings.dim, generator).data)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        users, parts = self._channels()
        return users, torch.stack(list(parts.values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each modality's share of the item vectors."""
        return self._channels()[1]

    def _channels(self) -> tuple[Tensor, dict[str, Tensor]]:
        ids = self.get_buffer("user_id"), self.get_buffer("item_id")
        outputs = {name: branch(*ids) for name, branch in self.branches.items()}
        num = len(outputs)
        users = torch.stack([user for user, _ in outputs.values()]).mean(dim=0)
        return users, {name: item / num for name, (_, item) in outputs.items()}


MODEL = MMGCNOfficial
