"""LightGCN: id embeddings, propagated over the user-item graph without weights or activations.

    e^(l+1)_u = sum over i in N_u of e^(l)_i / sqrt(|N_u| |N_i|), likewise for items
    e = mean of e^(0), ..., e^(L)
    score = e_u . e_i, or their cosine

Shapes: e_u: (U, d); e_i: (I, d).

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation, SIGIR 2020. The paper trains with BPR; sampled softmax ranks better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mmgcn.graph_model import IdGraphConfig, IdGraphModel


@dataclass(frozen=True)
class LightGCNConfig(IdGraphConfig):
    """Settings of LightGCN."""

    num_layers: int = 2
    """Number of propagation layers."""


class LightGCN(IdGraphModel[LightGCNConfig]):
    """Linear propagation of id embeddings over the user-item graph, without features."""

    name: ClassVar[str] = "lightgcn"
    uses_features: ClassVar[bool] = False
    user_tables: ClassVar[tuple[str, ...] | None] = ("user",)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the mean over the layers. Shapes: (U, d) and (I, d)."""
        return self.propagated_ids()

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some rows of the mean. Shapes: (B, d) and (N, d)."""
        return self.propagated_ids(self.neighbourhood(user_index, item_index))


MODEL = LightGCN
