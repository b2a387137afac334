"""Lists of all users by Ray: the rows of one process, in parts with a marker of completion."""

import json
import os
import signal
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest

from extract.cluster import Cluster, ClusterError
from mmgcn import Recommender
from mmgcn.serving import bulk
from mmgcn.serving.bulk import write_lists
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.recommender import DEFAULTS
from mmgcn.serving.table_file import TableError
from tests.object_store import object_store
from tests.runs import write_vectors

NUM_USERS, NUM_ITEMS, DIM = 700, 40, 6


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    counts = random.integers(0, 5, NUM_USERS)
    seen = np.split(random.integers(0, NUM_ITEMS, counts.sum()), counts.cumsum()[:-1])
    write_vectors(
        folder,
        random.normal(size=(NUM_USERS, DIM)).astype(np.float32),
        {
            name: random.normal(size=(NUM_ITEMS, DIM)).astype(np.float32)
            for name in ("visual", "id")
        },
        users=[f"user {n}" for n in range(NUM_USERS)],
        items=[f"item {n}" for n in range(NUM_ITEMS)],
        seen=seen,
    )
    return Recommender.load(folder)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr("mmgcn.evaluation.ranking.MIN_BLOCK_USERS", 100)
    monkeypatch.setattr("mmgcn.evaluation.ranking.BLOCK_SCORES", 4000)


def write(recommender, out, options=DEFAULTS, **more):
    parts = write_lists(recommender, str(out), options, cluster=Cluster(), part_users=200, **more)
    return sum(parts)


def read(folder):
    parts = sorted(Path(folder).glob("part-*.parquet"))
    return pl.concat([pl.read_parquet(part) for part in parts])


def test_the_parts_contain_the_rows_of_one_process(recommender, tmp_path, ray_of_two_cpus):
    num_rows = write(recommender, tmp_path / "lists", RankingOptions(k=7))
    whole = pl.concat(list(recommender.blocks(None, k=7)))
    assert num_rows == whole.height == NUM_USERS * 7
    assert read(tmp_path / "lists").equals(whole)
    names = sorted(path.name for path in (tmp_path / "lists").iterdir())
    assert names == ["_SUCCESS", *(f"part-0000{n}.parquet" for n in range(4))]


def test_options_and_explanations_are_those_of_one_process(recommender, tmp_path, ray_of_two_cpus):
    """Written to a URL, over an earlier and longer result."""
    options = RankingOptions(k=3, diversity=0.5, exclude=["item 3"], filter_seen=False)
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in ("_SUCCESS", "part-00009.parquet"):
        (folder / name).touch()
    write(recommender, f"file://{folder}", options, with_parts=True)
    whole = pl.concat([*map(recommender.with_parts, recommender.blocks(None, options))])
    assert read(folder).equals(whole)
    assert (folder / "_SUCCESS").exists()


def test_a_part_whose_worker_died_is_computed_again(
    recommender, tmp_path, ray_of_two_cpus, monkeypatch
):
    class Mortal(bulk._Ranker):
        def rank(self, users, out, path):
            mark = tmp_path / "mark"
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().rank(users, out, path)

    monkeypatch.setattr(bulk, "_Ranker", Mortal)
    write(recommender, tmp_path / "lists", workers=1)
    assert (tmp_path / "mark").exists()
    assert read(tmp_path / "lists").height == NUM_USERS * 10


def test_invalid_options_are_refused_before_anything_is_written(
    recommender, tmp_path, ray_of_two_cpus
):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(TableError, match="contains other files, such as thesis"):
        write(recommender, tmp_path)
    with pytest.raises(TableError, match="is in one process's memory"):
        write(recommender, "memory://lists")
    with pytest.raises(ValueError, match="per_creator has no effect"):
        write(recommender, tmp_path / "f", RankingOptions(per_creator=2))
    with pytest.raises(ClusterError, match="9 workers need 9 CPUs; the cluster has 2"):
        write(recommender, tmp_path / "f", workers=9)
    assert list((tmp_path / "f").iterdir()) == []


def test_parts_can_be_written_to_an_object_store():
    """It has no empty folders; the work of Ray between the two steps is the same everywhere."""
    with object_store():
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bulk")
        for _ in range(2):  # the second time over the first
            files, folder = bulk._prepared("s3://bulk/lists")
            assert bulk._paths(files, folder) == {}
            files.pipe(f"{folder}/part-00000.parquet", b"rows")
            bulk._finish(files, folder, "s3://bulk/lists", 1)
            assert set(bulk._paths(files, folder)) == {"_SUCCESS", "part-00000.parquet"}
        with pytest.raises(TableError, match="1 of 2 parts"):
            bulk._finish(files, folder, "s3://bulk/lists", 2)


def test_parts_on_another_machine_are_an_error(tmp_path):
    files, folder = bulk._prepared(str(tmp_path))
    (tmp_path / "part-00000.parquet").touch()
    with pytest.raises(TableError, match="1 of 2 parts: other machines wrote to local folders"):
        bulk._finish(files, folder, str(tmp_path), 2)
    assert not (tmp_path / "_SUCCESS").exists()


def test_the_command_writes_parts(recommender, tmp_path, ray_of_two_cpus, capsys):
    from cli import main

    words = ["--all", "--engine", "ray", "--run", str(recommender.run.path), "--json", "--k", "2"]
    with pytest.raises(SystemExit) as leaving:
        main(["recommend", *words, "--out", str(tmp_path / "lists")])
    assert leaving.value.code == 0
    assert json.loads(capsys.readouterr().out)["num_rows"] == NUM_USERS * 2
    assert read(tmp_path / "lists").height == NUM_USERS * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--all", "--out", "f", "--engine", "spark"], "'spark' is not one of local, ray"),
        (["--user", "u", "--engine", "ray"], "it is for --all"),
        (["--all", "--out", "f.csv", "--workers", "2"], "it needs --engine ray"),
    ],
)
def test_options_that_make_no_sense_are_refused(words, message, capsys):
    from cli import main

    with pytest.raises(SystemExit) as leaving:
        main(["recommend", *words])
    assert leaving.value.code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
