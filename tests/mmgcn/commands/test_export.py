"""mmgcn export: a data set for another tool, split as fit splits it, and the lists of a run."""

import json

import numpy as np
import polars as pl
import pytest

from extract.store import FeatureStore, Record
from mmgcn.run import Run
from tests import layouts
from tests.command_line import run
from tests.stores import add_speech, new_set


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The sample of MovieLens, imported, and a run of it."""
    monkeypatch.chdir(tmp_path)
    rows = [f"u{user},i{item},{time}\n" for user, item, time in layouts.EVENTS]
    (tmp_path / "interactions.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    (tmp_path / "captions.csv").write_text("item_id,caption\ni0,The first\n")
    return tmp_path


def test_the_parts_are_those_of_fit_and_the_lists_those_of_recommend(world, capsys):
    assert run(capsys, "fit", "--model", "popularity")[0] == 0
    code, out, err = run(capsys, "export", "rectools", "--lists", "-k", "3", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert all((world / path).exists() for path in report["files"])
    trained = Run.load("runs/latest")
    starts, items = trained.csr("test")
    test = pl.read_parquet(world / "export" / "test.parquet")
    expected = {
        (trained.users.id(user), trained.items.id(int(item)))
        for user in range(12)
        for item in items[starts[user] : starts[user + 1]]
    }
    assert set(test.select("user_id", "item_id").rows()) == expected
    lists = pl.read_parquet(world / "export" / "recommendations.parquet")
    assert lists.group_by("user_id").len()["len"].to_list() == [3] * 12


def test_captions_and_names_are_written(world, capsys):
    words = (
        "export",
        "recbole",
        "--captions",
        "captions.csv",
        "--name",
        "films",
        "--split",
        "none",
    )
    code, out, err = run(capsys, *words)
    assert code == 0, err
    assert "copy the folder to dataset/films of RecBole; its configuration:" in out
    names = {path.name for path in (world / "export").iterdir()}
    assert names == {"films.inter", "films.item"}
    assert read_titles(world / "export") == {"i0": "The first"}
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "export contains files; name another folder with --out" in err


def read_titles(folder):
    lines = (folder / "films.item").read_text().splitlines()
    return dict(line.split("\t")[:2] for line in lines[1:])


def test_transcripts_are_written_where_a_table_has_no_caption(world, capsys):
    features = new_set(world / "features")
    for item in ("i0", "i1"):
        features.write(Record(item), np.ones((1, 2)))
    add_speech(FeatureStore(world / "features"), {"i0": "good evening", "i1": "good morning"})
    words = ("export", "recbole", "--name", "films", "--split", "none", "--missing", "mask")
    code, _, err = run(capsys, *words, "--captions", "captions.csv,speech")
    assert code == 0, err
    assert read_titles(world / "export") == {"i0": "The first", "i1": "good morning"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("movielens",), "the format movielens can be read but not written"),
        (("mmrecc",), "no format is called 'mmrecc'; did you mean mmrec"),
        (("mmrec", "--prefix", "x"), "they are for vectors"),
        (("mmrec", "-k", "3"), "it needs --lists"),
        (("--split", "random"), "vectors are those of --run; name a FORMAT for data"),
    ],
)
def test_what_cannot_be_written_is_refused(world, capsys, words, message):
    code, _, err = run(capsys, "export", *words)
    assert code in (1, 2)
    assert message in " ".join(err.replace("│", " ").split())


def test_a_run_is_published_and_read_again(world, capsys):
    assert run(capsys, "fit", "--model", "popularity")[0] == 0
    code, out, err = run(capsys, "export", "pretrained", "--out", "published")
    assert code == 0, err
    assert "README.md is the card; choose a licence" in out
    code, out, err = run(capsys, "import", "pretrained", "published", "--out", "runs/again")
    assert code == 0, err
    assert out == "written: runs/again\nnext:\n  mmgcn recommend --run runs/again --user u0\n"
    first, again = (
        run(capsys, "recommend", "--run", path, "--user", "u0")[1]
        for path in ("runs/latest", "runs/again")
    )
    assert first == again
    assert "rank" in first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "pretrained", "--split", "random"), "a pretrained run is that of --run"),
        (("export", "mmrec", "--push", "me/x"), "it is for pretrained"),
        (("import", "pretrained", "nothing"), "nothing is not a published run"),
        (("import", "pretrained", "nothing", "--allow-pickle"), "a pretrained run is one folder"),
    ],
)
def test_what_cannot_be_published_is_refused(world, capsys, words, message):
    code, _, err = run(capsys, *words)
    assert code in (1, 2)
    assert message in " ".join(err.replace("│", " ").split())
