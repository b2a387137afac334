"""Published feature sets: the same set after a round trip, a card, and what is refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from extract.store import FeatureStore, Record, StoreError, from_pretrained, save_pretrained
from extract.store.data_card import data_card
from tests.stores import ROWS, new_set

FILE = "features-00001-of-00001.safetensors"


@pytest.fixture
def published(features, tmp_path):
    """A set of three items, of which two have rows, as a published folder."""
    features.write(Record("b", source="/home/me/b.mp4", size_bytes=9, content_hash="h"), ROWS)
    features.write(Record("a", status="partial", reason="truncated"), ROWS[:1])
    features.write(Record("c", status="missing", reason="no video"), None)
    features.finish()
    return save_pretrained(features, tmp_path / "published")


def test_a_published_set_is_the_current_one_of_another_store(features, published, tmp_path):
    again = from_pretrained(published, tmp_path / "elsewhere")
    assert again.name == features.name
    assert FeatureStore(tmp_path / "elsewhere").feature_set("visual").path == again.path
    assert again.manifest == features.manifest
    assert again.verify() == []
    np.testing.assert_array_equal(again.read("b"), ROWS)
    for one, other in zip(features.pooled(), again.pooled(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.records["c"] == Record("c", status="missing", reason="no video")
    assert again.records["b"].content_hash == "h"  # an extraction need not read the video again


def test_nothing_of_this_machine_is_published(published):
    assert {path.name for path in published.iterdir()} == {
        "README.md",
        "manifest.json",
        "records.jsonl",
        FILE,
    }
    assert b"/home/me" not in (published / "records.jsonl").read_bytes()
    np.testing.assert_array_equal(load_file(published / FILE)["b"], ROWS)


def test_the_card_has_encoder_settings_and_coverage(features, published):
    card = (published / "README.md").read_text()
    assert card.startswith("---\n# license: choose one")
    assert 'pretty_name: "visual features by colour"' in card
    assert "- n<1K" in card
    assert "- 2 items with features, 4 rows of width 2 (float16)" in card
    assert "- 1 done, 1 missing, 1 partial" in card
    assert "- not done: no video (1)" in card
    assert '"encoder": "colour"' in card
    assert FILE in card
    (published / "README.md").write_text("license: mit\n")
    save_pretrained(features, published)
    assert (published / "README.md").read_text() == "license: mit\n"
    assert "of-00003" in data_card(features, num_files=3)


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
matrices = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=6).map(
    lambda values: np.array(values[: len(values) // 2 * 2], np.float32).reshape(-1, 2)
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.dictionaries(ids, matrices, max_size=5),
    layouts=st.tuples(*[st.sampled_from(["files", "packed"])] * 2),
    max_items=st.integers(1, 3),
)
def test_rows_survive_any_ids_layouts_and_division(
    items, layouts, max_items, tmp_path_factory, monkeypatch
):
    monkeypatch.setattr("extract.store.published.MAX_SHARD_ITEMS", max_items)
    folder = tmp_path_factory.mktemp("sets")
    features = new_set(folder / "ours", layout=layouts[0])
    for name, rows in items.items():
        features.write(Record(name), rows)
    features.finish()
    published = save_pretrained(features, folder / "published")
    assert len(list(published.glob("*.safetensors"))) == -(-len(items) // max_items)
    again = from_pretrained(published, folder / "theirs", layout=layouts[1])
    assert again.layout == layouts[1]
    assert again.item_ids() == sorted(items)
    for name, rows in items.items():
        np.testing.assert_array_equal(again.read(name), rows)


def test_a_smaller_set_leaves_no_older_files(features, published):
    (published / "features-00002-of-00002.safetensors").write_bytes(b"of an older set")
    save_pretrained(features, published)
    assert {path.name for path in published.glob("*.safetensors")} == {FILE}


def test_damaged_and_other_folders_are_refused(features, published, tmp_path):
    with pytest.raises(StoreError, match=r"is not a feature set: .*manifest\.json"):
        from_pretrained(tmp_path / "nothing", tmp_path / "new")
    arrays = load_file(published / FILE)
    save_file({**arrays, "b": arrays["b"] + 1}, published / FILE)
    with pytest.raises(StoreError, match=r"the rows of 'b' in .* are damaged; download it again"):
        from_pretrained(published, tmp_path / "new")
    del arrays["b"]
    save_file(arrays, published / FILE)
    with pytest.raises(StoreError, match=r"is incomplete: 1 items, such as 'b', are only in one"):
        from_pretrained(published, tmp_path / "new")
    (published / FILE).write_bytes(b"<!doctype html>")
    with pytest.raises(StoreError, match=r"safetensors is damaged .*; download it again"):
        from_pretrained(published, tmp_path / "new")
    manifest = published / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"visual"', '"../../evil"'))
    with pytest.raises(StoreError, match="names no modality, encoder and width"):
        from_pretrained(published, tmp_path / "new")
    features.write(Record("\udc80"), ROWS)
    with pytest.raises(StoreError, match="an id is '__metadata__' or not UTF-8"):
        save_pretrained(features, published)
