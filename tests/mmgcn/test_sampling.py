"""Batches: positives were watched, negatives were not."""

import pytest
import torch

from mmgcn.sampling import Sampler
from mmgcn.train_config import TrainConfig
from tests.worlds import clusters, dataset


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.fixture
def sampler(data):
    config = TrainConfig(user_balance=0.5)
    return Sampler.of(data.train, torch.Generator().manual_seed(0), config)


def watched_pairs(data):
    return set(zip(data.train.user_index.tolist(), data.train.item_index.tolist(), strict=True))


def test_positives_were_watched_and_negatives_were_not(data, sampler):
    pairs = watched_pairs(data)
    batch = sampler.pairwise(500)
    users = batch.user_index.tolist()
    assert set(zip(users, batch.item_index.tolist(), strict=True)) <= pairs
    assert not set(zip(users, batch.negative_index.tolist(), strict=True)) & pairs


def test_watched_shared_negatives_are_all_marked(data, sampler):
    pairs = watched_pairs(data)
    batch = sampler.shared(50, 20)
    expected = {
        (b, n)
        for b, user in enumerate(batch.user_index.tolist())
        for n, item in enumerate(batch.negative_index.tolist())
        if (user, item) in pairs
    }
    assert {tuple(pair) for pair in batch.watched.tolist()} == expected


def test_items_without_interactions_can_be_excluded_from_the_negatives(data):
    part = clusters().map(lambda p: p.take(p.item_index != 7))
    config = TrainConfig(negatives="watched")
    sampler = Sampler.of(part.train, torch.Generator().manual_seed(0), config)
    assert 7 not in sampler.shared(10, 500).negative_index.tolist()
    assert 7 not in sampler.pairwise(500).negative_index.tolist()


def test_equal_generators_draw_equal_batches(data):
    drawn = []
    for _ in range(2):
        generator = torch.Generator().manual_seed(3)
        train = data.train
        sampler = Sampler(
            train.user_index, train.item_index, num_items=len(data.items), generator=generator
        )
        drawn.append([sampler.pairwise(20), sampler.shared(20, 8)])
    for one, other in zip(*drawn, strict=True):
        assert torch.equal(one.user_index, other.user_index)
        assert torch.equal(one.item_index, other.item_index)
        assert torch.equal(one.negative_index, other.negative_index)


@pytest.mark.parametrize(("balance", "expected"), [(0.0, 9 / 10), (1.0, 1 / 2), (0.5, 3 / 4)])
def test_user_balance_sets_how_often_heavy_users_are_drawn(balance, expected):
    """One user has nine items, the other has one: 9^(1 - b) to 1."""
    sampler = Sampler(
        torch.tensor([0] * 9 + [1]).numpy(),
        torch.arange(10).numpy(),
        num_items=12,
        generator=torch.Generator().manual_seed(0),
        user_balance=balance,
    )
    users, _ = sampler.interactions(20_000)
    assert (users == 0).double().mean().item() == pytest.approx(expected, abs=0.01)


def test_a_user_who_has_watched_everything_still_gets_a_batch():
    sampler = Sampler(
        torch.zeros(3, dtype=torch.long).numpy(),
        torch.arange(3).numpy(),
        num_items=3,
        generator=torch.Generator().manual_seed(0),
    )
    assert len(sampler.pairwise(5).negative_index) == 5
    batch = sampler.shared(4, 3)
    assert len(batch.watched) == 4 * len(batch.negative_index)
