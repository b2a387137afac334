"""mmgcn report, and recommend --html: complete files or none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from tests.runs import write_run_folder

CLIPS = Path(__file__).parents[3] / "assets" / "videos"
ITEMS = ["clip-006", "b", "c", "d", "e"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run, and a video and a caption of its first item; posters are cached here too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_run_folder(tmp_path / "run", ITEMS)
    (tmp_path / "videos").mkdir()
    shutil.copy(CLIPS / "clip-006.mp4", tmp_path / "videos")
    (tmp_path / "videos" / "b.mp4").write_bytes(b"no video")
    (tmp_path / "captions.csv").write_text("item_id,caption\nclip-006,A <b>ball</b>\n")
    return tmp_path


def mmgcn(*words):
    cli.main([*words, "--run", "run", "--videos", "videos", "--captions", "captions.csv"])


def test_report_writes_one_file_with_test_metrics_lists_and_posters(folder, capsys):
    with pytest.raises(SystemExit) as leaving:
        mmgcn("report", "--user", "u3", "--out", "new/report.html", "--json")
    assert leaving.value.code == 0
    printed = capsys.readouterr()
    path = folder / "new" / "report.html"
    assert json.loads(printed.out) == {
        "path": "new/report.html",
        "num_bytes": path.stat().st_size,
    }
    text = path.read_text(encoding="utf-8")
    assert "most popular" in text
    assert "User u3" in text
    assert "A &lt;b&gt;ball&lt;/b&gt;" in text
    assert text.count("data:image/jpeg;base64,") == 1
    assert "note: no poster of 'b': " in printed.err
    assert list(path.parent.iterdir()) == [path]


def test_report_refuses_an_unknown_user(folder, capsys):
    with pytest.raises(SystemExit) as leaving:
        mmgcn("report", "--user", "u99", "--out", "report.html")
    assert leaving.value.code == 1
    message = capsys.readouterr().err
    assert "user 'u99' is not in the data; the nearest known ids are u9" in message
    assert "--unknown-users" not in message
    assert not (folder / "report.html").exists()


def test_recommend_html_shows_the_reasons_of_each_user(folder):
    with pytest.raises(SystemExit) as leaving:
        mmgcn(
            "recommend",
            "--user",
            "u1",
            "--user",
            "nobody",
            "--unknown-users",
            "popularity",
            "--k",
            "2",
            "--html",
            "list.html",
        )
    assert leaving.value.code == 0
    text = (folder / "list.html").read_text(encoding="utf-8")
    assert "<h1>User u1</h1>" in text
    assert "<h1>User nobody</h1>" in text
    assert text.count('class="parts"') == 2
    assert text.count("Popular with all users.") == 2


def test_recommend_html_also_shows_an_unknown_user(folder):
    with pytest.raises(SystemExit):
        mmgcn("recommend", "--history", "clip-006,c", "--html", "list.html")
    text = (folder / "list.html").read_text(encoding="utf-8")
    assert "New user" in text
    assert text.count('class="parts"') == len(ITEMS) - 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--user", "u1", "--html", "l.html", "--json"], "none of --all, --out, --json"),
        (["--user", "u1", "--html", "l.html", "--out", "l.csv"], "none of --all, --out, --json"),
        (["--user", "u1"], "it is for --html FILE"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, capsys, words, message):
    with pytest.raises(SystemExit) as leaving:
        mmgcn("recommend", *words)
    assert leaving.value.code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_document_of_too_many_users_is_refused_before_it_is_written(folder, capsys):
    write_run_folder(folder / "run", ITEMS, num_users=101)
    (folder / "users.txt").write_text("".join(f"u{i}\n" for i in range(101)))
    with pytest.raises(SystemExit) as leaving:
        mmgcn("recommend", "--users", "users.txt", "--html", "list.html")
    assert leaving.value.code == 1
    assert (
        "a document contains lists of up to 100 users, and there are 101" in capsys.readouterr().err
    )
    assert not (folder / "list.html").exists()


def test_posters_need_none_of_the_services_packages():
    code = """
import sys
import mmgcn.display.posters, mmgcn.display.videos, mmgcn.report.lists, mmgcn.report.run_report
heavy = {"fastapi", "sqlalchemy", "alembic", "uvicorn", "anyio", "torch"}
print("LOADED", *(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "LOADED\n"
