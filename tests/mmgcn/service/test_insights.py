"""Routes of insights: the values are those of the library."""

import os
import time
from dataclasses import fields

import pytest

from mmgcn.data.ids import IdMap
from mmgcn.evaluation.coverage import run_coverage
from mmgcn.run import Run
from mmgcn.run_writing import move_latest
from mmgcn.service.reload import Reloader
from mmgcn.serving.item_map import store_map
from mmgcn.serving.weighting import WeightedItem, weighted_list
from tests.mmgcn.service.conftest import write_small_run


def test_coverage_is_that_of_the_library(client, settings):
    body = client.get("/v1/coverage").json()
    expected = run_coverage(Run.load(settings.run)).as_dict()
    assert body.pop("run") == "first"
    lorenz = body["popularity"].pop("lorenz")
    assert [tuple(point) for point in lorenz] == expected["popularity"].pop("lorenz")
    assert body == expected


def test_the_baseline_is_that_of_the_validation_part(client):
    body = client.get("/v1/baseline").json()
    # ann's only validation item is c, of popularity 3: the second after b once a is left out
    assert (body["num_users"], body["max_held_out"]) == (1, 1)
    assert body["metrics"]["mrr@5"] == pytest.approx(1 / 2)
    assert body["member_starts"] == [1]


@pytest.mark.parametrize("path", ["coverage", "baseline"])
def test_insights_are_computed_once_for_a_run(client, path):
    hits = "mmgcn_cache_hits_total 1.0"
    first = client.get(f"/v1/{path}")
    assert hits not in client.get("/metrics").text
    assert client.get(f"/v1/{path}").content == first.content
    assert hits in client.get("/metrics").text


def test_facts_name_the_test_items_with_their_ranks(client, settings):
    body = client.get("/v1/facts/ann").json()
    assert (body["num_watched"], body["num_candidates"], body["test"]) == (2, 3, [])
    assert body["favourites"] is None  # no map yet
    store_map(Run.load(settings.run))
    favourites = client.get("/v1/facts/ann").json()["favourites"]
    # ann watched a, which is visual, and c, which is acoustic
    assert [favourite["num_watched"] for favourite in favourites] == [1, 1]
    assert sorted(favourite["card"]["item_id"] for favourite in favourites) == ["a", "c"]


def test_weights_are_those_of_the_library(client, settings):
    answer = client.get("/v1/weighted/bob", params={"weight": ["visual:0", "acoustic:2"], "k": 3})
    expected = weighted_list(Run.load(settings.run), "bob", {"visual": 0.0, "acoustic": 2.0}, k=3)
    body = answer.json()
    assert body["weights"] == {"visual": 0.0, "acoustic": 2.0}
    assert [
        WeightedItem(**{f.name: card[f.name] for f in fields(WeightedItem)})
        for card in body["items"]
    ] == expected
    assert body["items"][0].keys() >= {"caption", "poster"}
    path, pages, cursor = "/v1/weighted/bob?weight=visual:0&weight=acoustic:2&k=2", [], None
    while cursor or not pages:
        pages.append(client.get(f"{path}&cursor={cursor}" if cursor else path).json())
        cursor = pages[-1]["next"]
    whole = client.get("/v1/weighted/bob?weight=visual:0&weight=acoustic:2&k=1000").json()["items"]
    assert [item for page in pages for item in page["items"]] == whole
    assert len(pages) == -(-len(whole) // 2)


@pytest.mark.parametrize("weight", ["visual:-1", "visual:11", "visual:10.5", "visual"])
def test_a_wrong_weight_is_422(client, weight):
    answer = client.get("/v1/weighted/bob", params={"weight": weight})
    assert answer.status_code == 422
    assert answer.json()["field"] == "weight.0"


def test_a_weight_of_an_unknown_channel_is_404_with_the_known_ones(client):
    answer = client.get("/v1/weighted/bob?weight=smell:1")
    assert (answer.status_code, answer.json()["nearest"]) == (404, ["visual", "acoustic"])


def test_two_runs_are_compared(client, runs):
    write_small_run(runs / "second", first=0.05)
    (runs / "broken").mkdir()
    body = client.get("/v1/runs").json()
    assert body["current"] == "first"
    assert [run["run"] for run in body["runs"]] == ["second", "first"]
    first = client.get("/v1/runs?limit=1").json()
    assert [run["run"] for run in first["runs"]] == ["second"]
    second = client.get("/v1/runs", params={"limit": 1, "cursor": first["next"]}).json()
    assert ([run["run"] for run in second["runs"]], second["next"]) == (["first"], None)
    body = client.get("/v1/compare/bob", params={"run": "second", "k": 2}).json()
    assert [(c["item_id"], c["rank"], c["other_rank"]) for c in body["items"]] == [
        ("a", 1, 3),
        ("b", 2, 1),
    ]
    assert [(c["item_id"], c["rank"], c["other_rank"]) for c in body["other_items"]] == [
        ("b", 1, 2),
        ("mörk 100%", 2, 3),
    ]
    assert (body["num_shared"], body["other"], body["held_out"]) == (1, "second", [])


def test_a_rewritten_run_of_the_same_name_is_loaded_again(client, runs):
    second = write_small_run(runs / "second", first=0.05)
    first_of = {}
    for score in (0.05, 5.0):
        write_small_run(second, first=score)
        os.utime(second / "config.json", ns=(0, int(score * 1e9)))  # however coarse the clock is
        body = client.get("/v1/compare/bob?run=second&k=1").json()
        first_of[score] = body["other_items"][0]["item_id"]
    assert first_of == {0.05: "b", 5.0: "a"}


def test_a_run_is_named_and_never_a_path(client, runs, tmp_path):
    write_small_run(tmp_path / "outside")
    for name in ("../outside", str(tmp_path / "outside"), "seconds", "latest"):
        answer = client.get("/v1/compare/bob", params={"run": name})
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"there is no run '{name}'"


def test_a_damaged_run_cannot_be_compared(client, runs):
    write_small_run(runs / "second")
    (runs / "second" / "item.npy").write_bytes(b"")
    assert client.get("/v1/compare/bob?run=second").status_code == 409


def test_a_user_of_this_run_alone_cannot_be_compared(client, runs):
    write_small_run(runs / "second")
    users = IdMap(["ann", "zoe", "cy/ril", "ännchen"], kind="user")
    users.save(runs / "second" / "users.parquet")
    answer = client.get("/v1/compare/bob?run=second")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no user 'bob' in the run 'second'"


def test_a_map_is_computed_in_a_process_on_demand(client):
    answer = client.get("/v1/map")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "2")
    assert answer.json() == {"run": "first", "status": "computing"}
    answer = finished_map(client)
    body = answer.json()
    assert body["channels"] == ["visual", "acoustic"]
    assert body["items"] == ["a", "b", "c", "d/e", "mörk 100%"]
    assert body["popularity"] == [1, 5, 3, 0, 0]
    assert len(body["x"]) == len(body["y"]) == len(body["cluster"]) == body["num_items"] == 5


def test_a_map_that_cannot_be_computed_is_an_error_with_the_reason(client, runs):
    (runs / "first" / "item.npy").unlink()  # the service has it open
    answer = finished_map(client)
    assert answer.status_code == 409
    reason = "the run at first lacks item.npy; fit again"
    assert answer.json()["detail"] == f"there is no map: {reason}"
    assert client.get("/v1/map").status_code == 409  # it is not tried again


def test_a_corrupt_map_is_an_error_with_a_remedy(client, settings):
    store_map(Run.load(settings.run))
    (settings.run / "map" / "fused.npz").write_bytes(b"")
    answer = client.get("/v1/map")
    assert answer.status_code == 409
    assert "remove the folder map" in answer.json()["detail"]


def finished_map(client):
    """The answer once the process has ended."""
    end = time.monotonic() + 120
    while (answer := client.get("/v1/map")).status_code == 202:
        assert time.monotonic() < end, "the map took two minutes"
        time.sleep(0.1)
    return answer


def test_a_map_by_an_unknown_channel_is_404(client):
    answer = client.get("/v1/map?channel=smell")
    assert (answer.status_code, answer.json()["nearest"]) == (404, ["visual", "acoustic"])


def test_a_refused_run_is_listed_with_the_reason(client, runs):
    assert client.get("/v1/reloads").json()["reloads"] == []
    reloader = Reloader(client.app.state.service)
    write_small_run(runs / "half")
    (runs / "half" / "item.npy").unlink()
    move_latest(runs / "half")
    assert not reloader.check()
    (refused,) = client.get("/v1/reloads").json()["reloads"]
    assert (refused["outcome"], refused["run"]) == ("refused", "half")
    assert refused["reason"] == "the run at half lacks item.npy; fit again"
    move_latest(write_small_run(runs / "whole"))
    assert reloader.check()
    body = client.get("/v1/reloads").json()
    assert body["run"] == body["reloads"][0]["run"] == "whole"
