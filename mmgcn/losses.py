"""Losses over a batch of positive and negative items."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(positive - negative).

    Shapes:
        positive, negative: (B,) scores; the result: ().

    Source: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009.
    """
    return functional.softplus(negative - positive).mean()


def sampled_softmax(
    user: Tensor, item: Tensor, negative: Tensor, watched: Tensor, *, temperature: float
) -> Tensor:
    """Return the mean of -log softmax of each positive item's score over itself and the negatives.

    Scores are inner products divided by the temperature.

    Shapes:
        user, item: (B, d), one row per interaction; negative: (N, d), shared by all; watched:
        (P, 2), pairs (b, n) of negatives n that user b has watched, which are ignored; the result:
        ().

    Source: Wu et al., On the Effectiveness of Sampled Softmax Loss for Item Recommendation,
    TOIS 2024.
    """
    user = user / temperature
    value: Tensor = _Softmax.apply((user * item).sum(dim=1), user, negative, watched)
    return value


def info_nce(view: Tensor, other: Tensor, *, temperature: float) -> Tensor:
    """Return the contrastive loss of two views: the mean of -log softmax of each row's counterpart.

    Scores are cosines divided by the temperature; the other rows of the other view are negatives.

    Shapes:
        view, other: (N, d), with the same node in row n of both; the result: ().

    Source: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018.
    """
    view, other = functional.normalize(view), functional.normalize(other)
    return functional.cross_entropy(
        view @ other.T / temperature, torch.arange(len(view), device=view.device)
    )


def first_rows(index: Tensor) -> Tensor:
    """Return the first position of each distinct value.

    >>> first_rows(torch.tensor([7, 3, 7, 9])).tolist()
    [1, 0, 3]

    Shapes:
        index: (B,); the result: (N,), in the order of the values.
    """
    values, inverse = torch.unique(index, return_inverse=True)
    positions = torch.arange(len(index), device=index.device)
    first = torch.full((len(values),), len(index), device=index.device)
    return first.scatter_reduce_(0, inverse, positions, "amin")


class _Softmax(torch.autograd.Function):
    """Sampled softmax in place, with one stored (B, N) matrix: the costliest part of a step."""

    @staticmethod
    def forward(
        ctx: _Softmax, positive: Tensor, user: Tensor, negative: Tensor, watched: Tensor
    ) -> Tensor:
        scores = user @ negative.T  # (B, N)
        scores[watched[:, 0], watched[:, 1]] = -torch.inf
        top = torch.maximum(scores.amax(dim=1), positive)
        scores.sub_(top[:, None]).exp_()
        own = (positive - top).exp_()
        total = scores.sum(dim=1) + own
        ctx.save_for_backward(scores, own, total, user, negative)
        return (top + total.log() - positive).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: _Softmax, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        scores, own, total, user, negative = saved
        each = grad / len(total)
        weights = scores * (each / total)[:, None]  # (B, N)
        return each * (own / total - 1), weights @ negative, weights.T @ user, None
