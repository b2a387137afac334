"""The loop closes: people watch, say what they like, the model is trained again, lists change."""

import csv

import numpy as np
import pytest
from starlette.testclient import TestClient

import cli
from mmgcn.service.app import create_app
from mmgcn.service.reload import Reloader
from mmgcn.service.settings import Settings
from tests.worlds import clusters, dataset

QUICK = ("--set", "batch_size=64", "--set", "num_negatives=16", "--set", "dim=16", "--epochs", "8")


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """People of a group watch items of the group; features tell the groups. Returns `mmgcn fit`."""
    monkeypatch.chdir(tmp_path)
    part = clusters()
    items = part.items.ids.to_list()
    with (tmp_path / "interactions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id"])
        for table in (part.train, part.valid, part.test):
            for user, item in zip(table.user_index, table.item_index, strict=True):
                rows.writerow([part.users.ids[int(user)], items[int(item)]])
    for name, matrix in dataset(part).features.items():
        np.save(f"{name}.npy", matrix)
    (tmp_path / "ids.txt").write_text("\n".join(items))

    def run(*words):
        features = ("--features", "visual=visual.npy,ids.txt")
        cli.main(["fit", *words, *features, *QUICK, "--split", "random"])

    return run


def run_fit(fit, *words):
    with pytest.raises(SystemExit) as leaving:
        fit(*words)
    assert leaving.value.code in (0, None)


def group(item_id):
    return int(item_id[1:]) // 10


def events_of(users):
    """u0, of the first group, likes items of the last; the others those of their own group."""
    return [
        {"user_id": f"u{user}", "item_id": f"i{10 * (user // 12 or 3 * (user == 0)) + second}"}
        | {"event": "like"}
        for user in users
        for second in range(7)
    ]


@pytest.mark.parametrize("only_feedback", [False, True])
def test_what_somebody_likes_changes_their_list(fit, tmp_path, only_feedback):
    run_fit(fit)
    url = f"sqlite:///{tmp_path}/feedback.db"
    settings = Settings(
        run=tmp_path / "runs" / "latest",
        feedback=url,
        requests_per_second=0,
        reload_seconds=0,
        loopback=False,
    )
    with TestClient(create_app(settings)) as client:
        reloader = Reloader(client.app.state.service)

        def groups_of_list():
            cards = client.get("/v1/recommend/u0?k=5").json()["items"]
            return [group(card["item_id"]) for card in cards]

        before = groups_of_list()
        assert before.count(0) > before.count(3)
        if only_feedback:
            events = events_of(range(48))
        else:
            watched = client.get("/v1/users/u0").json()["watched"]
            events = events_of([0]) + [
                {"user_id": "u0", "item_id": card["item_id"], "event": "skip"} for card in watched
            ]
        assert client.post("/v1/feedback", json={"events": events}).status_code == 201

        run_fit(fit, *(("--interactions", url) if only_feedback else ("--feedback", url)))
        assert reloader.check()
        after = groups_of_list()
        assert after.count(3) > after.count(0)
