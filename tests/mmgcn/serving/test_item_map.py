"""Maps of items in two dimensions."""

import numpy as np
import pytest

from mmgcn.run import Run, RunError
from mmgcn.serving import item_map
from mmgcn.serving.item_map import MapError, compute_map, load_map, map_channels, store_map
from tests.runs import write_vectors


def write_groups(folder, *, num_items=40):
    """Items of two groups that `visual` separates; `acoustic` has only the first ten."""
    rng = np.random.default_rng(0)
    group = np.arange(num_items) % 2
    visual = np.eye(2)[group] @ rng.standard_normal((2, 6)) * 5 + rng.standard_normal(
        (num_items, 6)
    )
    acoustic = rng.standard_normal((num_items, 6)) * 1e-3
    acoustic[10:] = 0
    item_parts = {"visual": visual, "acoustic": acoustic, "textual": 0 * visual}
    popularity = np.arange(num_items)[::-1].copy()
    write_vectors(folder, np.zeros((1, 6)), item_parts, popularity=popularity)
    return Run.load(folder), group


def test_similar_items_are_near_each_other_and_in_one_cluster(tmp_path):
    run, group = write_groups(tmp_path)
    found = compute_map(run, "visual")
    assert found.item_index.tolist() == list(range(40))
    assert found.xy.min() >= 0
    assert found.xy.max() <= 1
    distance = np.linalg.norm(found.xy[:, None] - found.xy, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).mean() > 0.9
    for cluster in np.unique(found.cluster):
        assert len(set(group[found.cluster == cluster])) == 1
    sizes = np.bincount(found.cluster)
    assert (np.diff(sizes) <= 0).all()  # the largest first


def test_a_map_by_a_modality_has_the_items_that_have_it(tmp_path):
    run, _ = write_groups(tmp_path)
    found = compute_map(run, "acoustic")
    assert found.item_index.tolist() == list(range(10))
    assert found.cluster.tolist() == compute_map(run).cluster[:10].tolist()


def test_a_map_has_the_most_popular_items(tmp_path, monkeypatch):
    run, _ = write_groups(tmp_path)
    monkeypatch.setattr(item_map, "MAX_ITEMS", 12)
    assert compute_map(run).item_index.tolist() == list(range(12))


def test_a_stored_map_is_the_computed_one(tmp_path):
    run, _ = write_groups(tmp_path)
    assert load_map(run, "visual") is None
    stored = store_map(run, "visual")
    found = load_map(run, "visual")
    for name in ("item_index", "xy", "cluster"):
        np.testing.assert_array_equal(getattr(found, name), getattr(stored, name))
    assert load_map(run) is None
    assert map_channels(run) == [None, "visual", "acoustic", "textual"]


@pytest.mark.parametrize("num_items", [1, 2, 3, 5])
def test_few_items_have_a_map_as_well(tmp_path, num_items):
    run, _ = write_groups(tmp_path, num_items=num_items)
    found = compute_map(run)
    assert np.isfinite(found.xy).all()
    assert len(np.unique(found.xy, axis=0)) == num_items


def test_a_channel_without_items_is_an_error(tmp_path):
    run, _ = write_groups(tmp_path)
    with pytest.raises(MapError, match="no item of the run has textual"):
        compute_map(run, "textual")
    with pytest.raises(MapError, match="no channel 'smell'"):
        compute_map(run, "smell")


def test_a_corrupt_map_is_an_error_with_its_path(tmp_path):
    run, _ = write_groups(tmp_path)
    store_map(run)
    (tmp_path / "map" / "fused.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(RunError, match=r"fused\.npz is corrupt"):
        load_map(run)


def test_without_scikit_learn_the_extra_is_named(tmp_path, monkeypatch):
    run, _ = write_groups(tmp_path)
    monkeypatch.setattr("extract.extras.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"a map of items needs sklearn.*\.\[map\]"):
        compute_map(run)
