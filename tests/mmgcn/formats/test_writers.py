"""Exports: what a format writes is what it reads, whatever the ids."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.registry import Registry
from mmgcn.content import UNSPLIT, Content
from mmgcn.data.features import FeatureTable
from mmgcn.format import FORMATS, FormatError, ImportOptions, WritableFormat

WRITABLE = [name for name in FORMATS.names() if isinstance(FORMATS.get(name), WritableFormat)]
IDS = st.one_of(
    st.integers(0, 30).map(str),
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=3),
)
EVENTS = st.lists(st.tuples(IDS, IDS), min_size=1, max_size=8, unique=True)


def table(events, first_time=1_600_000_000):
    users, items = zip(*events, strict=True)
    times = range(first_time, first_time + len(events))
    return pl.DataFrame({"user_id": users, "item_id": items, "timestamp": list(times)})


def features(items):
    matrix = np.random.default_rng(0).normal(size=(len(items), 3)).astype(np.float32)
    return FeatureTable("visual", items, matrix)


def own_ids(folder, kind):
    """The ids behind numbers, where the format stores numbers."""
    files = list(folder.glob(f"{kind}_id_mapping.csv"))
    if not files:
        return lambda one: one
    rows = pl.read_csv(files[0], separator="\t", infer_schema=False).rows()
    behind = {number: one for one, number in rows}
    return lambda one: behind[one]


@pytest.mark.parametrize("name", WRITABLE)
@given(train=EVENTS, held_out=EVENTS, split=st.booleans())
def test_exported_files_are_read_back(name, tmp_path_factory, train, held_out, split):
    folder = tmp_path_factory.mktemp("export")
    content = Content()
    content.parts = (
        {"train": table(train), "test": table(held_out)} if split else {UNSPLIT: table(train)}
    )
    if name == "mmrec" and not split:
        content.parts = {"train": table(train)}
    items = content.items.to_list()
    content.features["visual"] = features(items)
    kind = FORMATS.get(name)
    written = kind.write(content, folder, name="ours")
    assert all(path.exists() for path in written.files)
    read = kind.read(folder, ImportOptions())
    user, item = own_ids(folder, "u"), own_ids(folder, "i")
    assert set(read.parts) == set(content.parts)
    for part, expected in content.parts.items():
        rows = read.parts[part].select("user_id", "item_id").iter_rows()
        assert [(user(u), item(i)) for u, i in rows] == expected.select("user_id", "item_id").rows()
    vectors = read.features["visual"]
    order = [items.index(item(one)) for one in vectors.ids]
    assert sorted(order) == list(range(len(items)))
    np.testing.assert_array_equal(vectors.matrix, content.features["visual"].matrix[order])


@pytest.mark.parametrize("name", WRITABLE)
def test_lists_are_written_or_reported(name, tmp_path):
    content = Content(parts={"train": table([("7", "a"), ("8", "b")])})
    lists = pl.DataFrame(
        {
            "user_id": ["7", "7", "8"],
            "item_id": ["b", "a", "a"],
            "score": [2.0, 1.0, 3.0],
            "rank": [1, 2, 1],
        }
    )
    written = FORMATS.get(name).write(content, tmp_path, name="ours", lists=lists)
    if name == "recbole":
        assert written.dropped == ["the lists: RecBole has no file for them"]
    elif name == "mmrec":
        text = (tmp_path / "recommend_topk.csv").read_text()
        assert text == "id\ttop_0\ttop_1\n0\t1\t0\n1\t0\t\n"
    elif name == "elliot":
        assert (tmp_path / "recommendations.tsv").read_text() == "7\t1\t2.0\n7\t0\t1.0\n8\t0\t3.0\n"
    else:
        assert pl.read_parquet(tmp_path / "recommendations.parquet").equals(lists)


@pytest.mark.parametrize("name", ["mmrec", "elliot"])
def test_rows_of_lists_without_a_number_are_counted(name, tmp_path):
    content = Content(parts={"train": table([("7", "1"), ("8", "0")])})
    lists = pl.DataFrame(
        {"user_id": ["7", "7"], "item_id": ["0", "cold"], "score": [2.0, 1.0], "rank": [1, 2]}
    )
    written = FORMATS.get(name).write(content, tmp_path, name="ours", lists=lists)
    assert written.dropped[0] == (
        "1 of 2 rows of the lists: the user or the item has no interactions in this data set"
    )
    assert "cold" not in written.files[-1].read_text()


@pytest.mark.parametrize("name", WRITABLE)
def test_features_without_interactions_are_not_exported(name, tmp_path):
    content = Content(features={"visual": features(["a"])})
    with pytest.raises(FormatError, match="there are no interactions to write"):
        FORMATS.get(name).write(content, tmp_path, name="ours")


def test_items_without_vectors_have_zeros_and_are_counted(tmp_path):
    content = Content(parts={"train": table([("u", "a"), ("u", "b")])})
    content.features["visual"] = features(["b", "cold"])
    written = FORMATS.get("mmrec").write(content, tmp_path, name="ours")
    matrix = np.load(tmp_path / "image_feat.npy")
    assert not matrix[0].any()
    np.testing.assert_array_equal(matrix[1], content.features["visual"].matrix[0])
    assert written.dropped == [
        "1 of 2 items have no visual features: their rows are zero",
        "visual features of 1 items: they have no interactions",
        "there is no valid and no test part; MMRec needs both",
    ]


def test_an_id_with_a_tab_is_refused_and_one_in_a_caption_replaced(tmp_path):
    content = Content(parts={"train": table([("u", "a")])})
    content.add_captions(["a"], ["one\ttwo\nthree"], source="c")
    FORMATS.get("recbole").write(content, tmp_path, name="ours")
    assert (tmp_path / "ours.item").read_text().splitlines()[1] == "a\tone two three"
    content.parts = {"train": table([("u\t1", "a")])}
    with pytest.raises(FormatError, match=r"user_id 'u\\t1' contains a tab or a line break"):
        FORMATS.get("recbole").write(content, tmp_path, name="ours")


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000])
def test_datetimes_are_of_the_unit_of_the_times(tmp_path, scale):
    content = Content(parts={UNSPLIT: table([("u", "a")], 1_600_000_000 * scale)})
    FORMATS.get("rectools").write(content, tmp_path, name="ours")
    (moment,) = pl.read_parquet(tmp_path / "interactions.parquet")["datetime"]
    assert moment.isoformat() == "2020-09-13T12:26:40"


def test_a_format_of_another_package_is_found():
    assert isinstance(FORMATS, Registry)
    assert FORMATS.group == "mmgcn.formats"
