"""Losses over a batch of watched items and others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(positive - negative).

    Shapes:
        positive, negative: (B,) scores; the result: ().

    Source: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009.
    """
    return functional.softplus(negative - positive).mean()


def sampled_softmax(positive: Tensor, negative: Tensor, watched: Tensor) -> Tensor:
    """Return the mean of -log softmax of the positive among itself and the negatives.

    Shapes:
        positive: (B,) scores; negative: (B, N) scores; watched: (P, 2) places in `negative` of
        items that the user has watched, which count for nothing; the result: ().

    Source: Wu et al., On the Effectiveness of Sampled Softmax Loss for Item Recommendation,
    TOIS 2024.
    """
    none = negative.new_full((len(watched),), -torch.inf)
    others = negative.index_put((watched[:, 0], watched[:, 1]), none).logsumexp(dim=1)
    return (torch.logaddexp(positive, others) - positive).mean()
