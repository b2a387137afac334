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


def sampled_softmax(positive: Tensor, negative: Tensor, is_positive: Tensor) -> Tensor:
    """Return the mean of -log softmax of the positive among itself and the negatives.

    Shapes:
        positive: (B,) scores; negative: (B, N) scores; is_positive: (B, N) bool, negatives that
        the user has watched, which count for nothing; the result: ().

    Source: Wu et al., On the Effectiveness of Sampled Softmax Loss for Item Recommendation,
    TOIS 2024.
    """
    others = negative.masked_fill(is_positive, -torch.inf).logsumexp(dim=1)
    return (torch.logaddexp(positive, others) - positive).mean()
