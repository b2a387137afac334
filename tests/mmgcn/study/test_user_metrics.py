"""Metrics of each user: their arithmetic, and the file."""

from dataclasses import replace

import numpy as np
import pytest

from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.run import Run
from mmgcn.study.trial import Trial, train
from mmgcn.study.user_metrics import load, metrics_of_users, save


@pytest.fixture
def run(source, tmp_path):
    train(Trial(source, "popularity"), tmp_path / "runs")
    return Run.load(tmp_path / "runs" / "latest")


@pytest.mark.parametrize(("part", "hidden"), [("valid", ["seen"]), ("test", ["seen", "valid"])])
def test_their_mean_is_the_reported_metric(run, part, hidden):
    of_users = metrics_of_users(run, part)
    reported = evaluate(
        factor_scorer(run.user, run.item),
        num_items=len(run.items),
        relevant=run.csr(part),
        seen=[run.csr(name) for name in hidden],
        ks=[5, 10, 20],
    )
    assert {name: values.mean() for name, values in of_users.items()} == pytest.approx(reported)
    num_users = np.count_nonzero(np.diff(run.csr(part)[0]))
    assert of_users["recall@5"].shape == (num_users,)


def test_recall_and_ndcg_are_kept(run, tmp_path):
    save(tmp_path / "new" / "users.npz", run)
    loaded = load(tmp_path / "new" / "users.npz")
    names = [f"{family}@{k}" for k in (5, 10, 20) for family in ("recall", "ndcg")]
    assert sorted(loaded) == sorted(
        f"{part} {name}" for part in ("valid", "test") for name in names
    )
    whole = metrics_of_users(run, "test")["ndcg@10"]
    np.testing.assert_array_equal(loaded["test ndcg@10"], whole.astype(np.float32))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["users.npz"]


def test_a_part_that_is_empty_has_none(source, tmp_path):
    train(Trial(replace(source, test=None), "popularity"), tmp_path / "runs", tmp_path / "u.npz")
    assert {name.split()[0] for name in load(tmp_path / "u.npz")} == {"valid"}


def test_without_a_file_there_are_no_metrics_and_another_file_is_refused(tmp_path):
    assert load(tmp_path / "nowhere.npz") == {}
    for content in (b"", b"PK\x03\x04 cut off", b"something else"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad.npz contains no metrics of users; remove it"):
            load(tmp_path / "bad.npz")
