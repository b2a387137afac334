"""The run folder: a round trip, and the link `latest`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mmgcn.data.ids import IdMap
from mmgcn.run import SCHEMA_VERSION, Run, RunError
from mmgcn.run_writing import move_latest, write_run

USER = np.array([[1.0, 2.0], [0.5, 0.0]], dtype=np.float32)
PARTS = {
    "visual": np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]], dtype=np.float32),
    "a/b c": np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], dtype=np.float32),
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "one"
    path.mkdir()
    write_run(
        path,
        config={"model": "made"},
        users=IdMap(["007", "7"]),
        items=IdMap(["a.1", "a.2", "café"]),
        user=USER,
        item_parts=PARTS,
        parts={
            "seen": (np.array([0, 2, 3]), np.array([0, 2, 1])),
            "valid": (np.array([0, 0, 1]), np.array([0])),
            "test": (np.array([0, 1, 1]), np.array([1])),
        },
        popularity=np.array([1, 1, 1]),
        present={"a/b c": np.array([True, False, True]), "visual": np.ones(3, dtype=bool)},
    )
    return path


def test_a_run_is_read_as_it_was_written(folder):
    run = Run.load(folder)
    assert run.users.ids.to_list() == ["007", "7"]
    assert run.items.ids.to_list() == ["a.1", "a.2", "café"]
    np.testing.assert_array_equal(run.user, USER)
    np.testing.assert_array_equal(run.item, PARTS["visual"] + PARTS["a/b c"])
    assert set(run.parts) == set(PARTS)
    np.testing.assert_array_equal(run.parts["a/b c"], PARTS["a/b c"])
    assert list(run.present) == ["a/b c"]  # every item has the other
    assert run.has("a/b c", np.array([1, 2])).tolist() == [False, True]
    assert run.has("visual", np.array([1, 2])).tolist() == [True, True]
    np.testing.assert_array_equal(run.csr("seen")[1], [0, 2, 1])
    assert run.config["schema_version"] == SCHEMA_VERSION
    assert (run.config["num_users"], run.config["num_items"], run.config["dim"]) == (2, 3, 2)


@pytest.mark.parametrize("links", [True, False])
def test_latest_leads_to_the_run_and_moves(folder, monkeypatch, links):
    if not links:

        def refuse(self, *_args, **_words):
            raise OSError("a required privilege is not held by the client")

        monkeypatch.setattr(Path, "symlink_to", refuse)
    latest = folder.parent / "latest"
    move_latest(folder)
    assert Run.load(latest).path.resolve() == folder
    assert latest.is_symlink() == links
    other = shutil.copytree(folder, folder.parent / "two")
    move_latest(other)
    assert Run.load(latest).path.resolve() == other
    assert not list(folder.parent.glob(".latest*"))


def test_a_missing_run_is_an_error_with_the_command_that_trains_one(tmp_path):
    with pytest.raises(RunError, match=r"no run at .*nowhere; train one with: mmgcn fit"):
        Run.load(tmp_path / "nowhere")


def test_a_file_is_refused_as_a_run(tmp_path):
    (tmp_path / "interactions.csv").write_text("user_id,item_id\n" * 1000)
    with pytest.raises(RunError, match=r"no run at \S*interactions.csv; train one"):
        Run.load(tmp_path / "interactions.csv")


def test_a_run_without_its_configuration_is_unfinished(folder):
    (folder / "config.json").unlink()
    with pytest.raises(RunError, match="unfinished; resume it with `mmgcn fit --resume`"):
        Run.load(folder)


def test_a_folder_without_a_run_is_refused(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(RunError, match=r"contains no run: it has no config\.json; name another"):
        Run.load(tmp_path)


def test_the_folder_of_runs_names_its_latest(folder):
    move_latest(folder)
    with pytest.raises(RunError, match=r"is a folder of runs; name one of them, such as \S*latest"):
        Run.load(folder.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, "written by a newer mmgcn"),
        ({"schema_version": None}, "corrupt: it lacks one of schema_version"),
        ({"num_users": 3}, "is incomplete"),
    ],
)
def test_a_run_with_a_wrong_configuration_is_refused(folder, change, message):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(RunError, match=message):
        Run.load(folder)


def test_damaged_files_are_named(folder):
    (folder / "user.npy").write_bytes(b"nothing of the kind")
    with pytest.raises(RunError, match=r"user.npy is corrupt"):
        Run.load(folder)
    (folder / "user.npy").unlink()
    with pytest.raises(RunError, match=r"lacks user.npy; fit again"):
        Run.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config.json is corrupt"):
        Run.load(folder)


def test_nothing_that_is_pickled_is_loaded(folder):
    np.save(folder / "popularity.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(RunError, match=r"popularity.npy is corrupt"):
        _ = Run.load(folder).popularity


def test_modality_worth_is_that_of_ablate(folder):
    run = Run.load(folder)
    assert run.ablation() is None
    row = {"modality": "visual", "how": "drop", "mean": 0.1, "low": None, "high": None}
    ablation = {"metric": "recall@20", "rows": [row]}
    (folder / "ablation.json").write_text(json.dumps(ablation | {"seeds": 1}))
    assert run.ablation() == ablation
    (folder / "ablation.json").write_text(json.dumps({"metric": "recall@20", "rows": [{}]}))
    with pytest.raises(RunError, match=r"ablation\.json is corrupt: 'modality'; write it again"):
        run.ablation()
