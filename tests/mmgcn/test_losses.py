"""Losses against arithmetic and against torch's own."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn import losses


def test_bpr_is_minus_the_log_of_the_logistic_function():
    positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])
    by_hand = np.mean([-np.log(1 / (1 + np.exp(-1))), -np.log(1 / (1 + np.exp(3)))])
    assert losses.bpr(positive, negative).item() == pytest.approx(by_hand, rel=1e-5)


def test_sampled_softmax_is_cross_entropy_over_what_was_not_watched():
    user, item, negative = (
        torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for n in (6, 6, 4)
    )
    watched = torch.tensor([[0, 1], [0, 3], [4, 2]])
    ours = losses.sampled_softmax(user, item, negative, watched, temperature=0.5)
    scores = user @ negative.T / 0.5
    mask = torch.zeros(6, 4, dtype=torch.bool)
    mask[watched[:, 0], watched[:, 1]] = True
    logits = torch.cat(
        [(user * item).sum(1, keepdim=True) / 0.5, scores.masked_fill(mask, -torch.inf)], dim=1
    )
    expected = functional.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    torch.testing.assert_close(ours, expected)
    for one, other in zip(
        torch.autograd.grad(ours, (user, item, negative)),
        torch.autograd.grad(expected, (user, item, negative)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_sampled_softmax_survives_large_scores():
    user, item = torch.full((2, 1), 100.0), torch.tensor([[100.0], [-100.0]])
    negative, none = torch.tensor([[-100.0], [50.0]]), torch.zeros(0, 2, dtype=torch.long)
    user.requires_grad_()
    value = losses.sampled_softmax(user, item, negative, none, temperature=0.1)
    # The first user's item is far ahead; the second's is 150,000 behind the best negative.
    assert value.item() == pytest.approx((0 + 150_000) / 2)
    assert torch.isfinite(torch.autograd.grad(value, user)[0]).all()


def test_the_loss_is_zero_if_all_negatives_were_watched():
    user, item, negative = (torch.randn(n, 3, requires_grad=True) for n in (1, 1, 2))
    watched = torch.tensor([[0, 0], [0, 1]])
    value = losses.sampled_softmax(user, item, negative, watched, temperature=0.5)
    assert value.item() == pytest.approx(0, abs=1e-6)
    for gradient in torch.autograd.grad(value, (user, item, negative)):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient))
