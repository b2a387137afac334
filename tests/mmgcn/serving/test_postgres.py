"""Vectors in a Postgres."""

import numpy as np
import pytest

from mmgcn.data.ids import IdMap
from mmgcn.run import Run, write_run
from mmgcn.serving.export import ExportError
from mmgcn.serving.postgres import write_tables
from tests.databases import postgres_url

USERS, ITEMS = ["ann", "bo\tb", 'c"y'], ["a", "b\\n"]


@pytest.fixture(scope="module")
def url():
    with postgres_url() as found:
        yield found


def made_run(folder, value=0.5):
    folder.mkdir()
    none = (np.zeros(4, dtype=int), np.zeros(0, dtype=int))
    write_run(
        folder,
        config={"model": "made"},
        users=IdMap(USERS),
        items=IdMap(ITEMS),
        user=np.array([[1, value], [0.1, -2], [0, 3e-5]], dtype=np.float32),
        item_parts={"id": np.array([[1, 0], [0, 1]], dtype=np.float32)},
        parts={"seen": none, "valid": none, "test": none},
        popularity=np.ones(2, dtype=int),
    )
    return Run.load(folder)


def table(url, name):
    import psycopg

    with psycopg.connect(url) as connection:
        rows = connection.execute(f"SELECT id, vector::text FROM {name}").fetchall()
    return {i: np.array(v.strip("[]").split(","), dtype=np.float32).tolist() for i, v in rows}


def test_the_tables_hold_what_the_run_holds(url, tmp_path):
    run = made_run(tmp_path / "run")
    assert write_tables(run, url) == {"mmgcn_users": 3, "mmgcn_items": 2}
    assert table(url, "mmgcn_users") == dict(zip(USERS, run.user.tolist(), strict=True))
    assert table(url, "mmgcn_items") == dict(zip(ITEMS, run.item.tolist(), strict=True))


def test_another_run_takes_their_place_at_once_or_not_at_all(url, tmp_path, monkeypatch):
    write_tables(made_run(tmp_path / "one"), url)
    before = table(url, "mmgcn_users")
    other = made_run(tmp_path / "two", value=0.75)
    monkeypatch.setattr(
        "mmgcn.serving.postgres.text_blocks", lambda *_: (_ for _ in ()).throw(OSError("gone"))
    )
    with pytest.raises(OSError, match="gone"):
        write_tables(other, url)
    assert table(url, "mmgcn_users") == before
    monkeypatch.undo()
    write_tables(other, url)
    assert table(url, "mmgcn_users")["ann"] == [1, 0.75]


def test_a_database_that_does_not_answer_is_told_in_one_line(tmp_path):
    with pytest.raises(ExportError, match="Postgres did not take the vectors"):
        write_tables(made_run(tmp_path / "run"), "postgresql://nobody@127.0.0.1:1/none")
