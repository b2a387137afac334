"""Items that nobody has watched are ranked by their content."""

import numpy as np
import pytest

from mmgcn.data.splits import split
from mmgcn.evaluation.groups import evaluate_groups, item_groups
from mmgcn.evaluation.ranking import factor_scorer
from mmgcn.run import Run
from mmgcn.training.fit import fit
from tests.worlds import dataset, interactions_of

# Items that were never watched must not be negatives: they would be learned to be unwanted.
QUICK = {"batch_size": 128, "num_negatives": 64, "epochs": 3, "negatives": "watched"}


def world(seed=0, **features):
    """Four groups of ten items; a tenth of the items is cold in the test part, and one in valid."""
    rng = np.random.default_rng(seed)
    pairs = [
        (group * 15 + user, group * 10 + int(item))
        for group in range(4)
        for user in range(15)
        for item in rng.permutation(10)[:6]
    ]
    table = interactions_of(pairs, users=60, items=40)
    return dataset(split(table, "cold-items", seed=seed), **features)


def cold_metrics(run, candidates=None):
    groups = item_groups(run.popularity)
    return evaluate_groups(
        factor_scorer(run.user, run.item),
        groups={"cold": groups["cold"]},
        relevant=run.csr("test"),
        seen=[run.csr("seen"), run.csr("valid")],
        ks=(2, 5, 10),
        candidates=groups["cold"] if candidates == "cold" else None,
    )["cold"]


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn"])
def test_cold_items_are_found_far_more_often_than_by_chance(name, tmp_path):
    data = world()
    run = Run.load(fit(data, model=name, out=tmp_path, settings=QUICK, device="cpu").run)
    found = cold_metrics(run)
    assert found.num_items == 8
    assert found.num_users > 20
    assert found.metrics["recall@10"] > 2 * found.chance["recall@10"]
    # among the eight cold items alone, of four groups
    among = cold_metrics(run, "cold")
    assert among.metrics["recall@2"] > 2 * among.chance["recall@2"]


def test_a_cold_item_of_linear_mmgcn_is_its_content_alone(tmp_path):
    """No id vector takes part. (Items of similar content would add theirs.)"""
    settings = {**QUICK, "num_item_neighbours": 0}
    run = Run.load(
        fit(world(), model="linear_mmgcn", out=tmp_path, settings=settings, device="cpu").run
    )
    cold = run.popularity == 0
    np.testing.assert_array_equal(run.parts["id"][cold], 0)
    for name in ("visual", "acoustic"):
        assert (np.abs(run.parts[name][cold]).sum(axis=1) > 0).all()
