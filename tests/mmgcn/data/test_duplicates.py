"""Near-duplicates, compared with a loop over all pairs."""

import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmgcn.data import similar_pairs
from mmgcn.data.duplicates import duplicate_groups
from mmgcn.data.features import FeatureTable


def table(name, vectors, ids=None):
    ids = [f"i{row:03d}" for row in range(len(vectors))] if ids is None else ids
    return FeatureTable(name, ids, np.asarray(vectors, np.float32))


def cosines(matrix):
    """The cosine of all pairs, less the mean."""
    centred = matrix - matrix.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    return centred @ centred.T / np.outer(lengths, lengths)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9, 0.98]), st.integers(1, 40))
def test_groups_are_the_components_of_all_pairs_that_every_common_modality_confirms(
    seed, min_cosine, block_rows
):
    rng = np.random.default_rng(seed)
    num_items = 25
    of_group = rng.integers(0, 12, num_items)
    parts, ids = {}, {}
    for name, noise in (("visual", 0.3), ("acoustic", 0.2)):
        vectors = rng.normal(size=(12, 6))[of_group] + noise * rng.normal(size=(num_items, 6)) + 3
        rows = np.sort(rng.choice(num_items, 20, replace=False))
        parts[name], ids[name] = vectors[rows], [f"i{row:03d}" for row in rows]
    linked = {f"i{row:03d}": {f"i{row:03d}"} for row in range(num_items)}
    cosine = {name: cosines(part) for name, part in parts.items()}
    # Rounding decides nothing.
    assume(all((np.abs(matrix - min_cosine) > 1e-5).all() for matrix in cosine.values()))
    for first in linked:
        for second in linked:
            both = [n for n in parts if first in ids[n] and second in ids[n]]
            similar = [
                cosine[n][ids[n].index(first), ids[n].index(second)] >= min_cosine for n in both
            ]
            if similar and all(similar):
                joined = linked[first] | linked[second]
                for member in joined:
                    linked[member] = joined
    expected = sorted({tuple(sorted(group)) for group in linked.values() if len(group) > 1})
    tables = [table(name, part, ids[name]) for name, part in parts.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similar_pairs, "BLOCK_VALUES", 20 * block_rows)
        found = duplicate_groups(tables, min_cosine=min_cosine)
    assert [tuple(group) for group in found] == expected


def test_captions_are_compared_only_where_there_is_nothing_else():
    rng = np.random.default_rng(0)
    captions, frames = rng.normal(size=(8, 16)), rng.normal(size=(8, 16))
    captions[5] = captions[1]
    frames[6] = frames[2]
    tables = [table("textual", captions), table("visual", frames)]
    assert duplicate_groups(tables, min_cosine=0.9) == [["i002", "i006"]]
    assert duplicate_groups(tables[:1], min_cosine=0.9) == [["i001", "i005"]]
    assert duplicate_groups([], min_cosine=0.9) == []


@pytest.mark.parametrize("installed", [True, False])
def test_many_items_are_searched_by_faiss_where_it_is_installed(monkeypatch, installed):
    if installed:
        pytest.importorskip("faiss")
    else:
        monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(similar_pairs, "MAX_EXACT_ITEMS", 100)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 16))
    vectors[300:310] = vectors[:10] + 1e-3
    expected = [[f"i{row:03d}", f"i{row + 300:03d}"] for row in range(10)]
    assert duplicate_groups([table("visual", vectors)], min_cosine=0.9) == expected


@pytest.mark.parametrize("min_cosine", [0, 1.5, float("nan")])
def test_a_cosine_out_of_range_is_refused(min_cosine):
    with pytest.raises(ValueError, match=r"min_cosine is .*; it must be above 0 and at most 1"):
        duplicate_groups([], min_cosine=min_cosine)
