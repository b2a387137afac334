"""Published runs: the same lists after a round trip, a card, and an upload to a fake hub."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import cli
from extract.publishing import PretrainedError, push_to_hub
from extract.store import Record
from mmgcn.model_card import model_card
from mmgcn.pretrained import from_pretrained, save_pretrained
from mmgcn.run import Run, RunError
from mmgcn.serving.recommender import Recommender
from tests.runs import write_run_folder
from tests.stores import ROWS, new_set

ITEMS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def run(tmp_path):
    write_run_folder(tmp_path / "runs" / "one", ITEMS)
    path = tmp_path / "runs" / "one" / "config.json"
    config = json.loads(path.read_text())
    config["features"] = {
        "visual": {"encoder": "/home/me/v.npy", "store": "/home/me/features", "dim": 4}
    }
    path.write_text(json.dumps(config | {"seed": 0, "split": "random"}))
    return Run.load(tmp_path / "runs" / "one")


def test_the_lists_of_a_published_run_are_those_of_the_run(run, tmp_path):
    folder = save_pretrained(run.path, tmp_path / "published")
    again = from_pretrained(folder, out=tmp_path / "runs" / "two")
    users = run.users.ids.to_list()
    lists = Recommender(run).recommend(users, k=3)
    assert Recommender(again).recommend(users, k=3).equals(lists)
    for part in ("seen", "valid", "test"):
        for one, other in zip(run.csr(part), again.csr(part), strict=True):
            np.testing.assert_array_equal(one, other)


def test_nothing_of_this_machine_is_published(run, tmp_path):
    folder = save_pretrained(run, tmp_path / "published")
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.json",
        "items.parquet",
        "metrics.jsonl",
        "model.safetensors",
        "users.parquet",
    }
    for name in ("README.md", "config.json"):
        assert "/home/me" not in (folder / name).read_text()
    assert json.loads((folder / "config.json").read_text())["features"]["visual"] == {
        "encoder": "v.npy",
        "dim": 4,
    }


def test_a_card_with_a_licence_is_kept(run, tmp_path):
    folder = save_pretrained(run, tmp_path / "published")
    (folder / "README.md").write_text("license: mit\n")
    save_pretrained(run, folder)
    assert (folder / "README.md").read_text() == "license: mit\n"


def test_the_card_has_the_data_the_seeds_and_the_spread(run, tmp_path):
    card = model_card(run)
    assert card.startswith("---\nlibrary_name: mmgcn\n# license: choose one")
    assert "- 12 users, 5 items" in card
    assert "- features: visual (v.npy, width 4)" in card
    assert "| recall@10 | 0.5000 |\n" in card
    other = tmp_path / "runs" / "two"
    shutil.copytree(run.path, other)
    config = json.loads((other / "config.json").read_text()) | {"seed": 1}
    config["valid"] = config["valid"] | {"recall@10": 0.7}
    (other / "config.json").write_text(json.dumps(config))
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "config.json").write_text("[")
    card = model_card(run)
    assert "full ranking, seeds 0, 1." in card
    assert "| recall@10 | 0.6000 | 0.1414 |" in card  # |0.7 - 0.5| / sqrt(2)


def test_a_run_without_a_validation_part_has_no_metrics(run):
    run.config["valid"] = {}
    assert "No validation part" in model_card(run)


def test_folders_without_a_published_run_are_refused(run, tmp_path):
    with pytest.raises(PretrainedError, match=r"is not a published run: .*; expected config"):
        from_pretrained(tmp_path, out=tmp_path / "new")
    folder = save_pretrained(run, tmp_path / "published")
    with pytest.raises(PretrainedError, match="exists; name a new folder with `out`"):
        from_pretrained(folder, out=run.path)
    arrays = load_file(folder / "model.safetensors")
    save_file({**arrays, "../../evil": np.ones(1)}, folder / "model.safetensors")
    with pytest.raises(PretrainedError, match=r"names an array '\.\./\.\./evil', which no run has"):
        from_pretrained(folder, out=tmp_path / "new")
    del arrays["item"]
    save_file(arrays, folder / "model.safetensors")
    with pytest.raises(RunError, match=r"item\.npy"):
        from_pretrained(folder, out=tmp_path / "new")


class Hub:
    """A hub in memory: what huggingface_hub.HfApi is called with."""

    def __init__(self, refuses=None):
        self.refuses, self.created, self.files = refuses, {}, {}

    def create_repo(self, repo_id, *, repo_type, private, exist_ok):
        assert exist_ok
        if self.refuses:
            raise self.refuses
        self.created[repo_id] = (repo_type, private)
        return f"https://hub.example/{repo_id}"

    def upload_folder(self, *, repo_id, repo_type, folder_path, commit_message):
        assert commit_message
        assert repo_type == self.created[repo_id][0]
        self.files[repo_id] = {path.name for path in folder_path.iterdir()}


def test_a_push_uploads_the_folder_into_a_private_repository(run, tmp_path, monkeypatch):
    hub_module = pytest.importorskip("huggingface_hub")
    hub = Hub()
    monkeypatch.setattr(hub_module, "HfApi", lambda: hub)
    with pytest.raises(PretrainedError, match="write it with save_pretrained first"):
        push_to_hub(tmp_path, "me/films")
    folder = save_pretrained(run, tmp_path / "published")
    assert push_to_hub(folder, "me/films") == "https://hub.example/me/films"
    assert hub.created == {"me/films": ("model", True)}
    assert {"README.md", "model.safetensors", "config.json"} < hub.files["me/films"]


def test_a_feature_set_is_pushed_as_a_data_set(tmp_path, monkeypatch, capsys):
    hub_module = pytest.importorskip("huggingface_hub")
    hub = Hub()
    monkeypatch.setattr(hub_module, "HfApi", lambda: hub)
    monkeypatch.chdir(tmp_path)
    features = new_set("features")
    features.write(Record("a"), ROWS)
    with pytest.raises(SystemExit) as leaving:
        cli.main(["store", "publish", features.digest, "--push", "me/vectors"])
    assert not leaving.value.code
    assert capsys.readouterr().out.endswith("https://hub.example/me/vectors\n")
    assert hub.created == {"me/vectors": ("dataset", True)}
    names = {"README.md", "manifest.json", "records.jsonl", "features-00001-of-00001.safetensors"}
    assert hub.files["me/vectors"] == names
    with pytest.raises(PretrainedError, match="mmgcn store import published"):
        from_pretrained("published", out="new")
    with pytest.raises(SystemExit):
        cli.main(["store", "import", "published", "--store", "again"])
    assert capsys.readouterr().out == (
        f"{features.name} is in again, with 1 items, and is the current set\n"
    )


def test_a_refusal_of_the_hub_is_an_error_of_one_line(run, tmp_path, monkeypatch):
    hub_module = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub_module, "HfApi", lambda: Hub(OSError("no\nnetwork")))
    folder = save_pretrained(run, tmp_path / "published")
    with pytest.raises(PretrainedError, match="the hub refused me/films: no network; log in with"):
        push_to_hub(folder, "me/films")


def test_without_huggingface_hub_the_extra_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr("extract.extras.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"publishing needs huggingface_hub; .*\[hub\]"):
        push_to_hub(tmp_path, "me/films")
