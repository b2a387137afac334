"""The contract of every format: it recognises and reads its files, which lead to a ranked list."""

import re
import shlex
from json import loads

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.format import FORMATS, FormatError, ImportOptions, detect
from tests.command_line import run
from tests.layouts import EVENTS, LAYOUTS, other_events


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


@pytest.fixture
def folder(layout, tmp_path):
    path = tmp_path / "theirs"
    path.mkdir()
    layout.write(path)
    return path / layout.path


def read(layout, folder):
    return FORMATS.get(layout.format).read(folder, ImportOptions(allow_pickle=layout.pickled))


def test_every_format_has_a_sample():
    assert set(FORMATS.names()) == {layout.format for layout in LAYOUTS.values()}


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_format_has_a_title_and_ignores_other_files(name, tmp_path):
    kind = FORMATS.get(name)
    assert kind.title
    assert kind.layout
    (tmp_path / "notes.md").write_text("# nothing here\n")
    assert kind.detect(tmp_path) is None
    assert kind.detect(tmp_path / "notes.md") is None
    with pytest.raises(FormatError, match=str(tmp_path)):
        kind.read(tmp_path, ImportOptions())


def test_its_files_are_recognised(layout, folder):
    assert list(detect(folder)) == [layout.format]


def test_every_interaction_vector_and_caption_is_read(layout, folder):
    content = read(layout, folder)
    assert set(content.parts) == set(layout.parts)
    for name, events in layout.parts.items():
        table = content.parts[name]
        expected = {(layout.user(user), layout.item(item)) for user, item, _ in events}
        assert set(table.select("user_id", "item_id").iter_rows()) == expected
        assert table.height == len(events)
        assert ("timestamp" in table.columns) == layout.timed
    assert set(content.features) == set(layout.features)
    for name, matrix in layout.features.items():
        features = content.features[name]
        rows = [features.ids.to_list().index(layout.item(item)) for item in range(12)]
        np.testing.assert_allclose(features.matrix[rows], matrix, rtol=1e-6)
    captions = set() if content.captions is None else set(content.captions["item_id"])
    assert captions == ({layout.item(item) for item in range(12)} if layout.captions else set())


@settings(max_examples=4)
@given(
    histories=st.lists(
        st.lists(st.integers(0, 11), min_size=3, max_size=6, unique=True), min_size=11, max_size=11
    )
)
@pytest.mark.parametrize(
    "name", [name for name, layout in LAYOUTS.items() if layout.parts and not layout.pickled]
)
def test_any_interactions_are_read_as_they_were_written(name, histories, tmp_path_factory):
    layout, folder = LAYOUTS[name], tmp_path_factory.mktemp("theirs")
    with other_events([range(12), *histories]):  # every item occurs
        layout.write(folder)
        content = read(layout, folder / layout.path)
        assert set(content.parts) == set(layout.parts)
        for part, events in layout.parts.items():
            found = sorted(content.parts[part].select("user_id", "item_id").iter_rows())
            assert found == sorted(
                (layout.user(user), layout.item(item)) for user, item, _ in events
            )


def test_detect_prints_the_format_of_each_sample(layout, folder, capsys):
    code, out, _ = run(capsys, "import", "--detect", str(folder))
    assert code == 0
    assert out.startswith(f"{layout.format}: ")


def test_times_keep_the_order_of_a_user(layout, folder):
    if layout.timed:
        content = read(layout, folder)
        for name, events in layout.parts.items():
            table = content.parts[name].cast({"timestamp": pl.String})  # numbers, or dates
            table = table.sort(pl.col("timestamp").str.len_chars(), "timestamp")
            mine = table.filter(table["user_id"] == layout.user(3))["item_id"].to_list()
            assert mine == [
                layout.item(item)
                for user, item, _ in sorted(events, key=lambda e: e[2])
                if user == 3
            ]


def test_two_commands_lead_to_a_list(layout, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    allow = ["--allow-pickle"] if layout.pickled else []
    path = str(folder.relative_to(tmp_path))
    code, out, err = run(capsys, "import", path, "--out", "ours", "--json", *allow)
    assert code == 0, err
    report = loads(out)
    assert report["format"] == layout.format
    commands = [shlex.split(line)[1:] for line in report["commands"]]
    if not layout.parts:  # features alone: the interactions are the user's own
        rows = [f"u{user},{layout.item(item)}\n" for user, item, _ in EVENTS]
        (tmp_path / "interactions.csv").write_text("user_id,item_id\n" + "".join(rows))
        commands.append(["recommend", "--user", "u3"])
    fit, recommend = commands
    code, _, err = run(capsys, *fit, "--model", "popularity")
    assert code == 0, err
    code, out, err = run(capsys, *recommend, "-k", "3")
    assert code == 0, err
    listed = re.findall(r"^ \d +(\S+) ", out, re.MULTILINE)
    assert len(set(listed) & {layout.item(item) for item in range(12)}) == 3, out
