"""mmgcn recommend and export: output, and options that exclude each other."""

import json

import pytest

from extract.store import FeatureStore
from tests import command_line
from tests.runs import name_store, write_run_folder
from tests.stores import add_speech

ITEMS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A command on a run of five items, of which all users have watched b and c."""
    monkeypatch.chdir(tmp_path)
    write_run_folder(tmp_path / "run", ITEMS)

    def answer(*words):
        code, out, err = command_line.run(capsys, *words, "--run", "run")
        return code, out, " ".join(err.replace("│", " ").split())

    return answer


def test_json_is_only_the_list(run):
    code, out, err = run("recommend", "--user", "u0", "--k", "5", "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert {row["item_id"] for row in rows} == {"a", "d", "e"}


def test_transcripts_are_shown_where_a_table_has_no_caption(run, tmp_path):
    store = FeatureStore(tmp_path / "features")
    add_speech(store, {"a": "good evening", "d": "a cat plays the piano, " * 9})
    name_store(tmp_path / "run", store.root)
    (tmp_path / "titles.csv").write_text("item_id,title,creator\na,Nightfall,ann\nd,,bob\n")
    words = ("recommend", "--user", "u0")
    for captions in ((), ("--captions", "speech")):
        code, out, _ = run(*words, *captions)
        shown = " ".join(out.split())
        assert code == 0
        assert "good evening" in shown
        assert "a cat plays the piano," in shown
        assert "…" in shown
    shown = run(*words, "--captions", "titles.csv,speech", "--per-creator", "1")[1]
    assert "Nightfall" in shown
    assert "good" not in shown
    assert "a cat plays" in shown
    assert "good evening" in run("similar", "--item", "b", "-k", "5")[1]
    code, _, err = run(*words, "--captions", "speech", "--per-creator", "1")
    assert code == 2
    assert "it needs --captions FILE" in err


def test_a_written_file_is_reported_with_its_rows(run, tmp_path):
    code, out, _ = run("recommend", "--all", "--k", "2", "--out", "lists.csv", "--json")
    assert code == 0
    assert json.loads(out) == {"path": "lists.csv", "num_rows": 24}
    assert len((tmp_path / "lists.csv").read_text().splitlines()) == 25


def test_an_unknown_user_is_an_error_that_names_the_option(run):
    code, out, err = run("recommend", "--user", "zz")
    assert (code, out) == (1, "")
    assert err == (
        "error: user 'zz' is not in the data; --unknown-users popularity gives unknown users the "
        "most popular items"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name one of --user (or --users), --history (or --like), --all"),
        (("--user", "u0", "--all", "--out", "x.csv"), "name one of --user"),
        (("--all",), "--all needs --out FILE.parquet, .csv or .jsonl"),
        (
            ("--user", "u0", "--unknown-users", "popular"),
            "'popular' is not one of error, popularity",
        ),
        (("--user", "u0", "--engine", "dask"), "--engine: 'dask' is not one of local, ray"),
        (("--user", "u0", "--engine", "ray"), "--engine: it is for --all"),
        (("--user", "u0", "--workers", "2"), "--workers: it needs --engine ray"),
        (("--user", "u0", "--address", "auto"), "--address: it needs --engine ray"),
        (("--user", "u0", "--approximate"), "--approximate: it is for --all"),
        (("--user", "u0", "--html", "x.html", "--json"), "--json: --html goes with none of --all"),
        (("--user", "u0", "--videos", "videos"), "--videos: it is for --html FILE"),
        (("--user", "u0", "--features", "features"), "--features: it is for --like VIDEO"),
        (("--user", "u0", "--encoder", "visual=resnet50"), "--encoder: it is for --like VIDEO"),
        (("--history", "a", "--seen"), "--filter-seen: --history and --like rank"),
        (("--history", "a", "--unknown-users", "error"), "--unknown-users: --history and --like"),
        (("--all", "--out", "x.csv", "--unknown-users", "error"), "--unknown-users: --all ranks"),
        (("--history", "a", "--out", "x.csv", "--explain"), "--explain: explanations of --history"),
        (
            ("--all", "--out", "x", "--approximate", "--diversity", "0"),
            "--diversity: --approximate",
        ),
        (("--user", "u0", "--json", "--captions", "x.csv"), "--captions: captions are printed"),
        (("--user", "u0", "--diversity", "2"), "diversity is 2.0; it must be from 0 to 1"),
        (("--user", "u0", "--per-creator", "1"), "--per-creator: it needs --captions FILE"),
    ],
)
def test_options_that_exclude_each_other_are_usage_errors(run, words, message):
    code, out, err = run("recommend", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_exported_files_are_printed_as_lines_and_as_json(run, tmp_path):
    code, out, _ = run("export", "--out", "vectors")
    assert code == 0
    assert json.loads(run("export", "--out", "vectors", "--json")[1]) == {"files": out.split()}
    assert all((tmp_path / name).is_file() for name in out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--prefix", "x"), "--prefix: it is for --to DATABASE"),
        (("--to", "postgresql://h/d", "--out", "x"), "--out: --to writes tables, no files"),
    ],
)
def test_options_that_an_export_would_ignore_are_usage_errors(run, words, message):
    code, out, err = run("export", *words)
    assert (code, out) == (2, "")
    assert message in err
