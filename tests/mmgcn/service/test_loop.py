"""The full loop: users watch and like, the model is trained again, and lists change."""

import numpy as np
import pytest
from starlette.testclient import TestClient

import cli
from mmgcn.service.app import create_app
from mmgcn.service.reload import Reloader
from mmgcn.service.settings import Settings
from tests.worlds import clusters, dataset, write_interactions

pytestmark = pytest.mark.usefixtures("no_curves")

QUICK = ("--set", "batch_size=64", "--set", "num_negatives=16", "--set", "dim=16", "--epochs", "8")


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """Users of a group watch its items, and features separate the groups. Returns `mmgcn fit`."""
    monkeypatch.chdir(tmp_path)
    part = clusters()
    items = part.train.items.ids.to_list()
    write_interactions(tmp_path / "interactions.csv", part.train, part.valid, part.test)
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
def test_likes_change_the_list_of_their_user(fit, tmp_path, only_feedback):
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


def test_likes_move_a_list_at_once_and_a_final_training_keeps_them(fit, tmp_path):
    run_fit(fit, "--final")
    url = f"sqlite:///{tmp_path}/feedback.db"
    latest = tmp_path / "runs" / "latest"
    settings = Settings(
        run=latest, feedback=url, requests_per_second=0, reload_seconds=0, loopback=False
    )
    with TestClient(create_app(settings)) as client:
        reloader = Reloader(client.app.state.service)

        def listed(**options):
            params = {"k": 10, "session": True} | options
            return client.get("/v1/recommend/u0", params=params).json()

        def groups_of(body):
            return [group(card["item_id"]) for card in body["items"][:10]]

        before = listed()
        assert not before["session"]["is_reranked"]
        liked = ["i30", "i31", "i32"]  # of another group
        skipped = [card["item_id"] for card in before["items"][:3]]
        events = [{"user_id": "u0", "item_id": item, "event": "like"} for item in liked]
        events += [{"user_id": "u0", "item_id": item, "event": "skip"} for item in skipped]
        # Played for a moment, which must not count.
        shown = [card["item_id"] for card in before["items"][3:5]]
        for item in shown:
            play = {"user_id": "u0", "item_id": item, "event": "play", "seconds": 0.6}
            events += [play, play | {"share": 0.1}, play | {"event": "impression"}]
        assert client.post("/v1/feedback", json={"events": events}).status_code == 201

        moved = listed()
        assert moved["session"] == {"items": liked, "is_reranked": True}
        assert groups_of(moved).count(3) > groups_of(before).count(3)

        run_fit(fit, "--feedback", url, "--final")
        assert reloader.check()
        after = listed(k=40)
        ids = [card["item_id"] for card in after["items"]]
        watched = [card["item_id"] for card in client.get("/v1/users/u0").json()["watched"]]
        assert set(liked) <= set(watched)
        assert not set(liked) & set(ids)  # a liked video is not recommended again
        assert groups_of(after).count(3) > groups_of(before).count(3)
        assert not set(skipped) & set(ids)
        assert set(shown) <= set(ids)
        assert not set(shown) & set(watched)
        assert after["session"] == {"items": [], "is_reranked": False}
