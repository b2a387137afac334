"""Export of vectors to Postgres."""

import subprocess

import numpy as np
import pytest

from mmgcn.run import Run
from mmgcn.serving.export import ExportError, export_vectors
from mmgcn.serving.postgres import write_tables
from tests.databases import postgres_tool, postgres_url
from tests.runs import write_vectors

psycopg = pytest.importorskip("psycopg")
USERS, ITEMS = ["ann", "bo\tb", 'c"y'], ["a", "b\\n"]


@pytest.fixture(scope="module")
def url():
    with postgres_url() as found:
        yield found


def new_run(folder, value=0.5, dim=2):
    user = np.pad(np.array([[1, value], [0.1, -2], [0, 3e-5]]), ((0, 0), (0, dim - 2)))
    return Run.load(write_vectors(folder, user, {"id": np.eye(2, dim)}, users=USERS, items=ITEMS))


def table(url, name):
    with psycopg.connect(url) as connection:
        rows = connection.execute(f"SELECT id, vector::text FROM {name}").fetchall()
    return {i: np.array(v.strip("[]").split(","), dtype=np.float32).tolist() for i, v in rows}


def test_the_tables_have_the_vectors_of_the_run(url, tmp_path):
    run = new_run(tmp_path / "run")
    assert write_tables(run, url) == {"mmgcn_users": 3, "mmgcn_items": 2}
    assert table(url, "mmgcn_users") == dict(zip(USERS, run.user.tolist(), strict=True))
    assert table(url, "mmgcn_items") == dict(zip(ITEMS, run.item.tolist(), strict=True))


def test_another_run_replaces_them_at_once_or_not_at_all(url, tmp_path, monkeypatch):
    write_tables(new_run(tmp_path / "one"), url)
    before = table(url, "mmgcn_users")
    other = new_run(tmp_path / "two", value=0.75)
    monkeypatch.setattr(
        "mmgcn.serving.postgres.text_blocks", lambda *_: (_ for _ in ()).throw(OSError("gone"))
    )
    with pytest.raises(OSError, match="gone"):
        write_tables(other, url)
    assert table(url, "mmgcn_users") == before
    monkeypatch.undo()
    write_tables(other, url)
    assert table(url, "mmgcn_users")["ann"] == [1, 0.75]


@pytest.mark.parametrize(
    ("url", "came"), [("mysql://ann:secret@db/x", "a mysql: URL"), ("db", "no URL")]
)
def test_another_database_is_refused_with_the_form_that_is_expected(tmp_path, url, came):
    expected = f"this is {came}: expected postgresql://USER@HOST/DATABASE"
    with pytest.raises(ExportError, match=expected) as refused:
        write_tables(new_run(tmp_path / "run"), url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("dim", "has_index"), [(2, True), (2001, False)])
def test_the_script_replaces_the_tables_of_an_earlier_load(url, tmp_path, dim, has_index):
    psql = postgres_tool("psql")
    with psycopg.connect(url) as connection:
        there = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        if connection.execute(there).fetchone() is None:
            pytest.skip("this Postgres comes without pgvector")
    run = new_run(tmp_path / "run", dim=dim)
    export_vectors(run, tmp_path / "vectors")
    for _ in range(2):
        words = [psql, "--quiet", url, "-f", "load.sql"]
        done = subprocess.run(words, cwd=tmp_path / "vectors", capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("ERROR")) == (0, 0), done.stderr
    assert table(url, "mmgcn_items") == dict(zip(ITEMS, run.item.tolist(), strict=True))
    with psycopg.connect(url) as connection:
        indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'mmgcn_items'"
        names = {name for (name,) in connection.execute(indexes)}
    assert ("mmgcn_items_vector" in names) == has_index


def test_a_database_that_does_not_answer_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ExportError, match="Postgres refused the vectors"):
        write_tables(new_run(tmp_path / "run"), "postgresql://nobody@127.0.0.1:1/none")
