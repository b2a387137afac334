"""The card of a data set."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cli
from mmgcn.data.content import Content
from mmgcn.report.data_charts import degree_counts
from mmgcn.report.findings import findings

NOTHING = {"features": {}, "interactions": None, "matching": None}
INTERACTIONS = {
    "users": 10,
    "users_below_3": 0,
    "timestamps": [1, 2],
    "duplicates": 0,
    "share_of_top_tenth_of_items": 0.2,
}
NONE = {"count": 0, "examples": []}
TWO = {"count": 2, "examples": ["a", "b"]}


def interactions(**changes):
    return NOTHING | {"interactions": INTERACTIONS | changes}


def matching(**changes):
    sides = {"items_never_extracted": NONE, "items_never_watched": NONE, "nearest_to_the_first": []}
    return NOTHING | {"matching": sides | changes}


@pytest.mark.parametrize("found", [NOTHING, interactions(), matching()])
def test_ordinary_data_has_no_findings(found):
    assert findings(found, {"visual": Content([], {}, 3)}) == []


@pytest.mark.parametrize(
    ("found", "what", "remedy"),
    [
        (interactions(users_below_3=4), "4 of 10 users have fewer than 3", "fit --k-core 3"),
        (interactions(timestamps=None), "there are no timestamps", "is random"),
        (interactions(duplicates=2), "2 pairs are repeated", "the earliest"),
        (interactions(share_of_top_tenth_of_items=0.7), "has 70% of the interactions", "popular"),
        (matching(items_never_extracted=TWO), "2 items (a, b) have interactions", "--missing mask"),
        (matching(items_never_watched=TWO), "2 items (a, b) were extracted", "--cold-items"),
    ],
)
def test_each_finding_has_advice(found, what, remedy):
    ((odd, advice),) = findings(found, {})
    assert what in odd
    assert remedy in advice


def test_failures_zeros_and_copies_are_findings_of_a_modality():
    reason = {"status": "failed", "reason": "no video", **TWO}
    found = NOTHING | {"features": {"visual": {"reasons": [reason], "zero_rows": TWO}}}
    rows = findings(found, {"visual": Content([["a", "b"], ["c", "d", "e"]], {}, 9)})
    assert [what for what, _ in rows] == [
        "visual: 2 items (a, b) failed: no video",
        "visual: 2 items (a, b) have vectors of zeros",
        "visual: 5 items have the same content as another item, in 2 groups",
    ]
    assert "mmgcn extract --retry-failed" in rows[0][1]


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_every_value_is_in_one_bar(values):
    bars = degree_counts(np.array(values))
    assert sum(count for _, count in bars) == len(values)


def test_the_last_bar_is_open():
    assert degree_counts(np.array([0, 1, 9, 5000])) == [
        *[("0", 1), ("1", 1), ("2-3", 0), ("4-7", 0), ("8-15", 1), ("16-31", 0), ("32-63", 0)],
        *[("64-127", 0), ("128-255", 0), ("256-511", 0), ("512-1023", 0), ("1024-2047", 0)],
        ("2048+", 1),
    ]


def test_the_command_writes_a_page_that_loads_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("visual.npy", np.array([[1.0, 0], [2, 0], [0, 1]]))
    (tmp_path / "ids.txt").write_text("a\nb\n<i>c\n")
    (tmp_path / "interactions.csv").write_text("user_id,item_id\n1,a\n1,b\n2,a\n")
    with pytest.raises(SystemExit) as leaving:
        cli.main(
            ["inspect", "--features", "visual=visual.npy,ids.txt", "--html", "c.html", "--json"]
        )
    assert not leaving.value.code
    assert json.loads(capsys.readouterr().out)["interactions"]["users"] == 2
    page = (tmp_path / "c.html").read_text()
    assert "visual: 2 items have the same content as another item, in 1 group" in page
    assert "Interactions per item" in page
    assert "<i>c" not in page
    assert "&lt;i&gt;c" in page
    assert "<script" not in page


@pytest.mark.parametrize("option", ["--videos", "--captions"])
def test_options_of_the_page_are_refused_without_it(option, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["inspect", option, "x"])
    assert leaving.value.code == 2
    assert "it needs --html" in capsys.readouterr().err
