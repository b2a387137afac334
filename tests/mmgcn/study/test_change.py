"""Changes of a data set: what they remove and what they keep."""

import numpy as np
import pytest

from mmgcn.study.change import Change
from tests.worlds import dataset


def test_nothing_changes_without_a_change():
    data = dataset()
    assert Change().apply(data, 0) is data


def test_a_dropped_modality_is_gone_and_the_given_data_set_keeps_it():
    data = dataset()
    changed = Change("drop", "visual").apply(data, 0)
    assert list(changed.features) == list(changed.present) == list(changed.sources) == ["acoustic"]
    assert list(data.features) == ["visual", "acoustic"]
    assert changed.split is data.split


def test_shuffling_permutes_the_vectors_among_the_items_that_have_one():
    data = dataset(missing=4)
    before, present = data.features["visual"].copy(), data.present["visual"]
    changed = Change("shuffle", "visual").apply(data, 0)
    after = changed.features["visual"]
    np.testing.assert_array_equal(data.features["visual"], before)
    np.testing.assert_array_equal(changed.present["visual"], present)
    np.testing.assert_array_equal(after[~present], 0)
    assert not np.array_equal(after, before)
    ordered = [rows[present][np.lexsort(rows[present].T)] for rows in (before, after)]
    np.testing.assert_array_equal(*ordered)
    np.testing.assert_array_equal(changed.features["acoustic"], data.features["acoustic"])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_masking_removes_one_modality_of_a_share_of_the_items(share):
    data = dataset()
    changed = Change("missing", share=share).apply(data, 0)
    lost = sum((~changed.present[name]).astype(int) for name in ("visual", "acoustic"))  # (I,)
    assert lost.max(initial=0) <= 1
    assert lost.sum() == round(share * 40)
    for name, present in changed.present.items():
        np.testing.assert_array_equal(changed.features[name][~present], 0)
        np.testing.assert_array_equal(changed.features[name][present], data.features[name][present])
    assert data.present["visual"].all()


def test_masking_an_item_with_one_modality_removes_it():
    data = dataset(missing=40)  # ids 0, 3, 6 ... have no visual, 1, 4, 7 ... no acoustic features
    changed = Change("missing", share=1.0).apply(data, 0)
    num_left = changed.present["visual"].astype(int) + changed.present["acoustic"]
    had = data.present["visual"].astype(int) + data.present["acoustic"]
    assert (num_left == np.maximum(had - 1, 0)).all()


def test_a_named_modality_is_removed():
    changed = Change("missing", "visual", 0.5).apply(dataset(), 0)
    assert (~changed.present["visual"]).sum() == 20
    assert changed.present["acoustic"].all()


@pytest.mark.parametrize("change", [Change("shuffle", "visual"), Change("missing", share=0.5)])
def test_equal_seeds_change_equally_and_others_do_not(change):
    first, same, other = (change.apply(dataset(), seed).features["visual"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_invalid_changes_are_refused():
    with pytest.raises(ValueError, match=r"no modality 'smell' to drop; .* visual, acoustic"):
        Change("drop", "smell").apply(dataset(), 0)
    with pytest.raises(ValueError, match="share of missing items is 30"):
        Change("missing", share=30).apply(dataset(), 0)
