"""Files for `mmgcn fit`: the same pairs and vectors, and errors."""

import json
import shlex

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.content import UNSPLIT, Content, ContentError
from mmgcn.data.features import FeatureTable
from mmgcn.data.loading import load_dataset
from mmgcn.data.options import DataOptions
from mmgcn.data_folder import write_data_folder

SOURCE = {"format": "made", "path": "theirs"}
# Any text but control characters, surrogates and the empty one; a table has no other limits.
IDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=4)


def pairs(users, items):
    return pl.DataFrame({"user_id": users, "item_id": items}, schema=["user_id", "item_id"])


@given(
    st.lists(st.tuples(IDS, IDS, st.integers(0, 99)), min_size=2, max_size=9),
    st.lists(IDS, unique=True, max_size=4),
)
def test_pairs_times_and_vectors_survive(tmp_path_factory, events, others):
    folder = tmp_path_factory.mktemp("ours")
    users, items, times = zip(*events, strict=True)
    content = Content()
    table = pairs(users, items).with_columns(timestamp=pl.Series(times))
    content.add_part(UNSPLIT, table, source="t", user="user_id", item="item_id", time="timestamp")
    ids = [*dict.fromkeys([*items, *others])]
    matrix = np.arange(1, 2 * len(ids) + 1, dtype=np.float32).reshape(-1, 2)
    content.features["visual"] = FeatureTable("visual", ids, matrix)
    write_data_folder(content, folder, source=SOURCE)
    if len(set(items)) < 2:
        return
    options = DataOptions(
        folder / "interactions.csv",
        features=(f"visual={folder}/visual.npy,{folder}/visual.txt",),
        split="none",
    )
    dataset = load_dataset(options)
    earliest = {}
    for user, item, time in events:
        earliest[user, item] = min(time, earliest.get((user, item), time))
    train = dataset.train
    read = zip(
        train.users.ids.gather(train.user_index),
        train.items.ids.gather(train.item_index),
        train.timestamp.tolist(),
        strict=True,
    )
    assert {(user, item): time for user, item, time in read} == earliest
    rows = dataset.items.index(ids)
    np.testing.assert_array_equal(dataset.features["visual"][rows], matrix)


def whole(items=("x", "y"), **extra):
    content = Content(**extra)
    rows = pairs(["a"] * len(items), items)
    content.add_part(UNSPLIT, rows, source="t", user="user_id", item="item_id")
    return content


def test_items_without_features_are_noted_and_masked(tmp_path):
    content = whole()
    content.add_features("visual", ["x"], np.ones((1, 2)), source="v")
    written = write_data_folder(content, tmp_path / "ours", source=SOURCE)
    assert written.notes == [
        "visual features cover 1 of 2 items of the interactions; `fit --missing mask` masks the "
        "others"
    ]
    assert written.commands[0].endswith("--missing mask")


def test_videos_are_extracted_first(tmp_path):
    content = whole(videos=tmp_path / "their videos")
    written = write_data_folder(content, tmp_path / "ours", source=SOURCE)
    extract, fit, _ = (shlex.split(line) for line in written.commands)
    assert extract[1:3] == ["extract", str(tmp_path / "their videos")]
    assert fit[fit.index("--features") + 1] == extract[extract.index("--out") + 1]


def test_features_alone_are_for_interactions_of_the_user(tmp_path):
    content = Content()
    content.add_features("visual", ["x"], np.ones((1, 2)), source="v")
    (command,) = write_data_folder(content, tmp_path / "ours", source=SOURCE).commands
    assert command.startswith("mmgcn fit --interactions interactions.csv --features visual=")


def test_nothing_to_write_is_refused(tmp_path):
    with pytest.raises(ContentError, match="theirs contains neither interactions nor features"):
        write_data_folder(Content(), tmp_path / "ours", source=SOURCE)


def test_an_id_with_a_line_break_is_refused(tmp_path):
    content = Content()
    content.add_features("visual", ["x\ny"], np.ones((1, 2)), source="v")
    with pytest.raises(ContentError, match=r"the item 'x\\ny' of the visual features is empty or"):
        write_data_folder(content, tmp_path / "ours", source=SOURCE)


def test_other_files_are_never_changed(tmp_path):
    (tmp_path / "thesis.txt").write_text("four years")
    for overwrite in (False, True):
        with pytest.raises(ContentError, match="contains files that no import wrote"):
            write_data_folder(whole(), tmp_path, source=SOURCE, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "four years"


def test_an_earlier_import_is_replaced_only_on_request(tmp_path):
    content = whole()
    content.add_features("visual", ["x", "y"], np.ones((2, 2)), source="v")
    write_data_folder(content, tmp_path, source=SOURCE)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ContentError, match="earlier import; pass overwrite=True to replace"):
        write_data_folder(whole(), tmp_path, source=SOURCE)
    write_data_folder(whole(), tmp_path, source=SOURCE, overwrite=True)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"interactions.csv", "import.json", "mine.txt"}
    assert json.loads((tmp_path / "import.json").read_text())["files"] == ["interactions.csv"]


def test_a_corrupt_report_is_named(tmp_path):
    (tmp_path / "import.json").write_text("{}")
    with pytest.raises(ContentError, match=r"import\.json is corrupt: 'files'; remove"):
        write_data_folder(whole(), tmp_path, source=SOURCE, overwrite=True)
