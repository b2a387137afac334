"""Batches, losses, and training: the same bits per seed and after an interruption."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn.training import losses
from mmgcn.training.sampling import Sampler
from mmgcn.training.trainer import fit
from tests.worlds import clusters, dataset

QUICK = {"batch_size": 64, "num_negatives": 30, "dim": 8}
MATRICES = ("user.npy", "item.npy", "model.safetensors", "parts/visual.npy")


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.fixture
def sampler(data):
    return Sampler(
        data.train.user_index,
        data.train.item_index,
        num_items=len(data.items),
        generator=torch.Generator().manual_seed(0),
        user_balance=0.5,
    )


def watched_pairs(data):
    return set(zip(data.train.user_index.tolist(), data.train.item_index.tolist(), strict=True))


class TestBatches:
    def test_positives_were_watched_and_negatives_were_not(self, data, sampler):
        pairs = watched_pairs(data)
        batch = sampler.pairwise(500)
        users = batch.user_index.tolist()
        assert set(zip(users, batch.item_index.tolist(), strict=True)) <= pairs
        assert not set(zip(users, batch.negative_index.tolist(), strict=True)) & pairs

    def test_shared_negatives_that_were_watched_are_all_named(self, data, sampler):
        pairs = watched_pairs(data)
        batch = sampler.shared(50, 20)
        expected = {
            (b, n)
            for b, user in enumerate(batch.user_index.tolist())
            for n, item in enumerate(batch.negative_index.tolist())
            if (user, item) in pairs
        }
        assert {tuple(place) for place in batch.watched.tolist()} == expected

    def test_what_nobody_watched_is_no_negative_where_that_is_asked_for(self, data):
        part = clusters().map(lambda p: p.take(p.item_index != 7))
        sampler = Sampler(
            part.train.user_index,
            part.train.item_index,
            num_items=len(part.items),
            generator=torch.Generator().manual_seed(0),
            only_watched=True,
        )
        assert 7 not in sampler.shared(10, 500).negative_index.tolist()
        assert 7 not in sampler.pairwise(500).negative_index.tolist()


class TestLosses:
    def test_bpr_is_minus_the_log_of_the_logistic_function(self):
        positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])
        by_hand = np.mean([-np.log(1 / (1 + np.exp(-1))), -np.log(1 / (1 + np.exp(3)))])
        assert losses.bpr(positive, negative).item() == pytest.approx(by_hand, rel=1e-5)

    def test_sampled_softmax_is_cross_entropy_over_what_was_not_watched(self):
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


class TestFit:
    def test_a_run_folder_holds_what_its_format_says(self, data, tmp_path):
        result = fit(data, model="mmgcn", out=tmp_path, settings=QUICK, epochs=2, device="cpu")
        assert (tmp_path / "latest").resolve() == result.run.resolve()
        item = np.load(result.run / "item.npy")
        parts = [np.load(path) for path in sorted((result.run / "parts").iterdir())]
        np.testing.assert_allclose(sum(parts), item, atol=1e-6)
        lines = [json.loads(x) for x in (result.run / "metrics.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in lines] == [1, 2]
        assert {"step", "train_seconds", "loss", "recall@20", "ndcg@20"} <= lines[0].keys()
        assert (result.run / "curves.png").read_bytes()[:4] == b"\x89PNG"
        config = json.loads((result.run / "config.json").read_text())
        assert config["settings"]["dim"] == 8
        assert set(config["features"]) == {"visual", "acoustic"}
        assert not (result.run / "checkpoint").exists()

    @pytest.mark.parametrize("model", ["mmgcn", "linear_mmgcn"])
    @pytest.mark.parametrize("stop_after", [1, 3])
    def test_resuming_ends_in_the_same_bits(self, data, tmp_path, model, stop_after):
        words = {"model": model, "settings": QUICK, "epochs": 5, "seed": 3, "device": "cpu"}
        whole = fit(data, out=tmp_path / "whole", **words).run

        def pull_the_plug(look):
            if look.epoch == stop_after + 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit(data, out=tmp_path / "parts", progress=pull_the_plug, **words)
        assert not (tmp_path / "parts" / "latest").exists()
        resumed = fit(data, out=tmp_path / "parts", resume=True, **words).run
        for name in MATRICES:
            assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name

    def test_resuming_another_training_is_refused(self, data, tmp_path):
        def pull_the_plug(look):
            if look.epoch == 2:
                raise KeyboardInterrupt

        words = {"model": "lightgcn", "out": tmp_path, "epochs": 4, "device": "cpu"}
        with pytest.raises(KeyboardInterrupt):
            fit(data, settings=QUICK, progress=pull_the_plug, **words)
        with pytest.raises(ValueError, match="its seed was 0 and is now 1"):
            fit(data, settings=QUICK, seed=1, resume=True, **words)

    def test_there_must_be_something_to_resume(self, data, tmp_path):
        with pytest.raises(ValueError, match="no unfinished training"):
            fit(data, model="lightgcn", out=tmp_path, resume=True)

    def test_a_loss_that_is_not_finite_stops_with_the_reason(self, data, tmp_path):
        with pytest.raises(ValueError, match=r"the loss became .* in step \d+.*learning_rate"):
            fit(
                data,
                model="mmgcn",
                out=tmp_path,
                settings={**QUICK, "learning_rate": 1e30, "similarity": "dot"},
                device="cpu",
            )
        assert not (tmp_path / "latest").exists()

    def test_training_on_nothing_is_refused(self, tmp_path):
        empty = clusters().map(lambda part: part.take(np.zeros(0, dtype=int)))
        with pytest.raises(ValueError, match="no training interaction"):
            fit(dataset(empty), model="lightgcn", out=tmp_path)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"num_negatives": -1}, "num_negatives is -1; it must be at least 0"),
            ({"learning_rate": "fast"}, "learning_rate is 'fast'; it takes float"),
            ({"loss": "hinge"}, "loss is 'hinge'; known: softmax, bpr"),
            ({"dims": 3}, "no setting is called 'dims'; did you mean dim"),
        ],
    )
    def test_bad_settings_get_one_clear_line(self, data, tmp_path, settings, message):
        with pytest.raises(ValueError, match=message):
            fit(data, model="mmgcn", out=tmp_path, settings=settings)

    def test_an_unknown_model_is_named_with_the_nearest(self, data, tmp_path):
        with pytest.raises(LookupError, match="did you mean lightgcn"):
            fit(data, model="lightgnc", out=tmp_path)

    def test_an_unknown_device_is_refused(self, data, tmp_path):
        with pytest.raises(ValueError, match="known: auto, cpu, cuda"):
            fit(data, model="lightgcn", out=tmp_path, device="tpu")
