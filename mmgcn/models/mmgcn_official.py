"""MMGCN as computed by its published code, for comparison; `mmgcn` follows the paper.

For each modality m, where W2, W3 and the visual projection P have a bias:

    x_u^(0) = u_m / |u_m|,  x_i^(0) = P f_i / |P f_i|     P is 256 wide for visual, else identity
    h       = LeakyReLU(mean over neighbours of x^(l-1) W1)
    x^(l)   = LeakyReLU(W3 [h || LeakyReLU(W2 x^(l-1)) + id]),  l = 1, 2, 3
    score   = (mean over m of x_u^(3)) . (mean over m of x_i^(3))

Shapes: u_m: (U, D_m) and id: (N, d), drawn once and never trained; f: (I, D_m), not standardised.

Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video, ACM MM 2019, and the code published with it, from which the equations were read.
Departures of that code from the paper, and faults that are not reproduced: docs/paper.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.config import positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import Model, ModelConfig
from mmgcn.parameters import table
from mmgcn.projection import Linear
from mmgcn.train_config import TrainConfig

NUM_LAYERS = 3
VISUAL_WIDTH = 256


@dataclass(frozen=True)
class MMGCNOfficialConfig(ModelConfig):
    """Settings of the published code."""

    dim: int = positive(64)
    """Width of the ids and of the output of every layer."""
    similarity: Literal["cosine", "dot"] = "dot"


class Layer(nn.Module):
    """Aggregation and concatenation, from one width to another."""

    def __init__(self, width: int, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.w1 = table(width, width, generator)
        self.w2 = Linear(width, dim, generator, zero_bias=False)
        self.w3 = Linear(width + dim, dim, generator, zero_bias=False)

    def forward(self, x: Tensor, aggregated: Tensor, identity: Tensor) -> Tensor:
        """Return x^(l).

        Shapes:
            x, and aggregated, the mean of the neighbours: (N, width); the result: (N, dim).
        """
        h = functional.leaky_relu(aggregated @ self.w1)
        x_hat = functional.leaky_relu(self.w2(x)) + identity
        return functional.leaky_relu(self.w3(torch.cat([h, x_hat], dim=1)))


class Branch(nn.Module):
    """The three layers of one modality."""

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
        self.project = (
            Linear(features.shape[1], width, generator, zero_bias=False) if project_to else None
        )
        widths = [width, *[dim] * (NUM_LAYERS - 1)]
        self.layers = nn.ModuleList(Layer(each, dim, generator) for each in widths)
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("preference", table(graph.num_users, width, generator).data)

    def forward(self, user_id: Tensor, item_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return x^(3). Shapes: user_id: (U, d); item_id: (I, d); the result: (U, d) and (I, d)."""
        features = self.get_buffer("features")
        user = functional.normalize(self.get_buffer("preference"))
        item = functional.normalize(features if self.project is None else self.project(features))
        for layer in self.layers:
            to_user, to_item = self.graph.users_from_items(item), self.graph.items_from_users(user)
            user, item = layer(user, to_user, user_id), layer(item, to_item, item_id)
        return user, item


class MMGCNOfficial(Model[MMGCNOfficialConfig]):
    """MMGCN as computed by its published code, for comparison."""

    name: ClassVar[str] = "mmgcn_official"
    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        loss="bpr", batch_size=1024, learning_rate=5e-4, patience=20
    )
    needs_features: ClassVar[bool] = True

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the ids, and a branch for each modality."""
        super().create_parameters(dataset, generator)
        graph = BipartiteGraph.of(dataset.train, normalise="mean")
        self.branches = nn.ModuleDict(
            {
                name: Branch(
                    torch.from_numpy(features),
                    graph,
                    self.config.dim,
                    generator,
                    project_to=VISUAL_WIDTH if name == "visual" else None,
                )
                for name, features in dataset.features.items()
            }
        )
        self.register_buffer("user_id", table(self.num_users, self.config.dim, generator).data)
        self.register_buffer("item_id", table(self.num_items, self.config.dim, generator).data)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the means over the modalities. Shapes: (U, d) and (I, d)."""
        users, parts = self._channels()
        return users, torch.stack(list(parts.values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each modality's summand of the item vectors."""
        return self._channels()[1]

    def _channels(self) -> tuple[Tensor, dict[str, Tensor]]:
        ids = self.get_buffer("user_id"), self.get_buffer("item_id")
        outputs = {name: branch(*ids) for name, branch in self.branches.items()}
        num = len(outputs)
        users = torch.stack([user for user, _ in outputs.values()]).mean(dim=0)
        return users, {name: item / num for name, (_, item) in outputs.items()}


MODEL = MMGCNOfficial
