"""MM-GF: a training-free graph filter over item graphs of the interactions and of each modality.

With R_ui = 1 where user u watched item i, and degrees D_U and D_I; ^s is an element-wise power:

    P_id = ( D_I^-1/2 R^T D_U^-1 R D_I^-1/2 )^s
    C_m  = max(0, cosine(x_im, x_jm))^t,  x the features, robustly scaled by column
    P_m  = D^-1/2 C_m D^-1/2,  D the sums of the rows of C_m
    h(P) = P                                   linear
           2 P - P^2                           quadratic
           P + 0.01 (-P^3 + 10 P^2 - 29 P)     cubic
    score = R_u . ( h(P_id) + w mean over m of h(P_m) )_i

Robust scaling subtracts the median and divides by the interquartile range. An item that lacks a
modality has no edge in its graph.

Shapes: P, C: (I, I); x: (I, D_m).

Source: Roh, Kim, Park, Shin, Training-Free Graph Filtering via Multimodal Feature Refinement for
Extremely Fast Multimodal Recommendation, arXiv 2503.04406, 2025. The polynomials and the powers
are those of its predecessor: Park, Shin, Shin, Turbo-CF: Matrix Decomposition-Free Graph Filtering
for Fast Recommendation, SIGIR 2024. Here each graph is filtered separately before the sum, so that
each channel contributes a part of the score. On the validation part of the TikTok data of MMSSL,
where most users have one or two interactions, it is far worse than trained models: recall@20 is
0.074 at best, with two modalities (popularity 0.063); on artists of Last.fm 2K it is 0.409 at best.
The defaults are a compromise between both data sets; the paper uses other data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mmgcn.channels import ID
from mmgcn.config import Config, positive
from mmgcn.data.dataset import Dataset
from mmgcn.item_item_model import ItemItemModel

MIN_RANGE = 1e-6  # columns with a smaller interquartile range count as constant
MAX_SCALED = 10.0  # limit of scaled values, so that no outlier dominates a cosine


@dataclass(frozen=True)
class MMGFConfig(Config):
    """Settings of MM-GF."""

    filter: Literal["linear", "quadratic", "cubic"] = "linear"
    """h, polynomial of the graphs."""
    interaction_power: float = positive(0.7)
    """s, power of the entries of the interaction graph; large values emphasise strong edges."""
    content_power: float = positive(4.0)
    """t, power of the cosines."""
    content_weight: float = 1.0
    """w, weight of the content graphs relative to the interaction graph."""


class MMGF(ItemItemModel[MMGFConfig]):
    """Item-item weights from a polynomial filter of similarity graphs, without training."""

    name: ClassVar[str] = "mmgf"

    def __init__(self, dataset: Dataset, config: MMGFConfig) -> None:
        self._scaled = {
            name: robustly_scaled(values, dataset.present[name])
            for name, values in dataset.features.items()
        }
        super().__init__(dataset, config)

    @classmethod
    def required_bytes(cls, num_items: int, num_modalities: int) -> int:
        """Return the memory of the graphs, their sum, and three matrices of a polynomial."""
        return 4 * (num_modalities + 5) * num_items**2

    def solve_channels(self) -> dict[str, Tensor]:
        """Return h of each graph, weighted. Shapes: (I, I) each."""
        channels = {ID: self._filtered(self._interaction_graph())}
        for name, rows in self._scaled.items():
            weight = self.config.content_weight / len(self._scaled)
            channels[name] = self._filtered(self._content_graph(rows)).mul_(weight)
        return channels

    def solve(self) -> Tensor:
        """Return the sum of all channels. Shapes: (I, I)."""
        return torch.stack(list(self.solve_channels().values())).sum(dim=0)

    def _interaction_graph(self) -> Tensor:
        indptr, indices = (torch.from_numpy(each).long() for each in self._csr)
        graph = self.common_users(1 / indptr.diff().clamp(min=1).float())
        scale = torch.bincount(indices, minlength=self.num_items).clamp(min=1).rsqrt()
        return graph.mul_(scale[:, None]).mul_(scale).pow_(self.config.interaction_power)

    def _content_graph(self, rows: Tensor) -> Tensor:
        graph = (rows @ rows.T).clamp_(min=0).pow_(self.config.content_power)
        total = graph.sum(dim=1)
        scale = torch.where(total > 0, total.rsqrt(), 0.0)
        return graph.mul_(scale[:, None]).mul_(scale)

    def _filtered(self, graph: Tensor) -> Tensor:
        if self.config.filter == "linear":
            return graph
        square = graph @ graph
        if self.config.filter == "quadratic":
            return graph.mul(2).sub_(square)
        return graph.mul(0.71).add_(square, alpha=0.1).sub_(square @ graph, alpha=0.01)


def robustly_scaled(features: np.ndarray, present: np.ndarray) -> Tensor:
    """Return features scaled by median and quartiles of each column, in rows of length one.

    Shapes:
        features: (I, D); present: (I,) bool; the result: (I, D), zero where absent.
    """
    values = torch.zeros(features.shape)
    if present.any():
        known = torch.from_numpy(features[present]).float()
        low, median, high = np.quantile(known.numpy(), (0.25, 0.5, 0.75), axis=0)
        spread = torch.from_numpy(high - low).float()
        spread = torch.where(spread > MIN_RANGE, spread, torch.inf)
        scaled = (known - torch.from_numpy(median).float()) / spread
        values[torch.from_numpy(present)] = scaled.clamp_(-MAX_SCALED, MAX_SCALED)
    return functional.normalize(values)


MODEL = MMGF
