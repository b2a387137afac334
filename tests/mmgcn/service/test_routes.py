"""Responses of the routes, in the form that clients rely on."""

import json
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from mmgcn import Recommender
from mmgcn.display.cards import segment
from mmgcn.run_writing import move_latest
from mmgcn.service.reload import Reloader
from tests.mmgcn.service.conftest import write_small_run


def ids(answer):
    return [card["item_id"] for card in answer.json()["items"]]


def test_a_list_has_the_run_the_user_and_cards(client):
    answer = client.get("/v1/recommend/ann", params={"k": 2})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["run"], body["user_id"]) == ("first", "ann")
    assert body["items"][0] == {
        "item_id": "b",
        "score": pytest.approx(0.95),
        "rank": 1,
        "caption": None,
        "creator": None,
        "video": "/v1/videos/b",
        "poster": "/v1/posters/b",
        "colour": None,
        "sprite": None,
        "modalities": ["visual", "acoustic"],
    }
    assert ids(answer) == ["b", "d/e"]


def test_the_list_is_that_of_the_library(client, settings):
    library = Recommender.load(settings.run)
    for options in ({"filter_seen": False}, {"k": 3}, {"diversity": 0.9}, {"k": 1000}):
        for user in ("ann", "bob"):
            answer = client.get(f"/v1/recommend/{user}", params=options)
            table = library.recommend([user], **options)
            body = [
                (card["item_id"], card["score"], card["rank"]) for card in answer.json()["items"]
            ]
            assert body == list(table.select("item_id", "score", "rank").iter_rows())


def test_repeated_requests_get_the_same_bytes(client):
    first, again = (client.get("/v1/recommend/ann?k=3") for _ in range(2))
    assert first.content == again.content
    assert first.headers["content-type"] == again.headers["content-type"]
    assert client.get("/v1/recommend/ann?k=2").content != first.content


@pytest.mark.parametrize("user", ["cy/ril", "ännchen"])
def test_ids_of_any_letters_are_percent_encoded(client, user):
    answer = client.get(f"/v1/recommend/{quote(user, safe='')}")
    assert answer.status_code == 200
    assert answer.json()["user_id"] == user


def test_a_card_s_addresses_are_percent_encoded(client):
    card = client.get(f"/v1/items/{quote('mörk 100%')}").json()
    assert card["video"] == "/v1/videos/m%C3%B6rk%20100%25"
    assert card["channels"] == ["visual"]


def test_an_unknown_user_is_404_with_the_nearest(client):
    answer = client.get("/v1/recommend/anne")
    assert answer.status_code == 404
    assert answer.json()["nearest"][0] == "ann"
    assert "no user 'anne'" in answer.json()["detail"]
    cold = client.get("/v1/recommend/anne", params={"unknown_users": "popularity", "k": 1})
    assert ids(cold) == ["b"]


@pytest.mark.parametrize(
    "path",
    ["/v1/similar/zz", "/v1/items/zz", "/v1/users/zz", "/v1/explain?user_id=ann&item_id=zz"],
)
def test_unknown_ids_and_channels_are_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "nearest"}
    assert problem["status"] == 404
    assert problem["type"] == f"urn:mmgcn:problem:{problem['code']}"
    assert problem["code"] in ("unknown_user", "unknown_item")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/recommend/ann?k=0", "k"),
        ("/v1/recommend/ann?k=many", "k"),
        ("/v1/recommend/ann?k=1001", "k"),
        ("/v1/recommend/ann?diversity=2", "diversity"),
        ("/v1/recommend/ann?diversity=nan", "diversity"),
        ("/v1/recommend/ann?unknown_users=warm", "unknown_users"),
        ("/v1/explain?user_id=ann", "item_id"),
        ("/v1/users?limit=0", "limit"),
        (f"/v1/users/{'x' * 600}", "user_id"),
    ],
)
def test_a_malformed_request_is_422_with_the_field(client, path, field):
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["detail"].startswith(field)


def test_similar_by_all_and_by_one_channel(client):
    assert ids(client.get("/v1/similar/a?k=2")) == ["mörk 100%", "b"]
    answer = client.get("/v1/similar/c?k=2&channel=acoustic")
    assert ids(answer) == ["b", "d/e"]
    assert answer.json()["channel"] == "acoustic"
    assert answer.json()["item_id"] == "c"


def test_an_unknown_channel_is_404_with_the_known_ones(client):
    answer = client.get("/v1/similar/a?channel=taste")
    assert answer.status_code == 404
    assert answer.json()["nearest"] == ["visual", "acoustic"]


def test_a_history_of_an_unknown_user_is_ranked(client, settings):
    answer = client.post("/v1/history", json={"item_ids": ["a", "d/e"], "k": 2})
    library = Recommender.load(settings.run).recommend_history(["a", "d/e"], k=2)
    assert ids(answer) == library["item_id"].to_list()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"item_ids": []}, 422),
        ({"item_ids": "a"}, 422),
        ({}, 422),
        ({"item_ids": ["a"], "k": -1}, 422),
        ({"item_ids": ["zz"]}, 404),
    ],
)
def test_a_bad_history_is_refused(client, body, status):
    answer = client.post("/v1/history", json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b""])
def test_a_body_that_is_not_json_is_refused(client, body):
    answer = client.post("/v1/history", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


def test_parts_add_up_to_the_score(client):
    why = client.get("/v1/explain?user_id=ann&item_id=b").json()
    assert why["score"] == sum(why["parts"].values())
    assert why["parts"] == pytest.approx({"visual": 0.8, "acoustic": 0.15})
    (near,) = why["nearest"]["visual"]
    assert (near["item_id"], near["cosine"], near["caption"]) == ("a", 1.0, "<b>hello</b>")
    assert "score" not in near


def test_users_are_found_by_prefix_and_then_by_any_position(client):
    def found(**params):
        return client.get("/v1/users", params=params).json()["users"]

    assert found(query="AN") == ["ann", "ännchen"]
    assert found(query="nn") == ["ann", "ännchen"]
    assert found(query="änn") == ["ann", "ännchen"]
    assert found(limit=2) == ["ann", "bob"]
    assert found(query=".*") == []


def test_the_history_of_a_user_is_newest_first(client):
    body = client.get("/v1/users/ann").json()
    assert body["total"] == 2
    assert [card["item_id"] for card in body["watched"]] == ["c", "a"]  # newest first
    assert len(client.get("/v1/users/ann?limit=1").json()["watched"]) == 1
    assert "score" not in body["watched"][0]


def test_items_are_listed_with_their_cards(client):
    found, *_ = client.get("/v1/items?query=a").json()["items"]
    alone = client.get("/v1/items/a").json()
    assert alone.pop("channels") == ["visual"]
    assert alone.pop("num_interactions") == 1
    assert found == alone
    assert found["caption"] == "<b>hello</b>"  # text, as it stands in the table


def test_the_run_is_described_without_its_folders(client):
    body = client.get("/v1/run").json()
    assert (body["run"], body["model"], body["num_users"], body["num_items"]) == (
        *("first", "made"),
        *(4, 5),
    )
    assert body["channels"] == ["visual", "acoustic"]
    assert body["metrics"] == {"recall@20": 0.5}
    assert body["history"] == [{"epoch": 1, "recall@20": 0.5, "loss": None}]
    assert body["config"]["features"] == {"store": "features"}
    assert body["modality_worth"] is None


def test_probes_report_the_state_of_the_service(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready.pop("loaded") == client.get("/v1/run").json()["loaded"]
    assert ready == {"run": "first", "feedback": "off", "has_refused": False}


def test_no_such_route_is_404_in_the_same_form(client):
    answer = client.get("/v2/recommend/ann")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    answer = client.post("/v1/users")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/recommend/ann?k=-3", "k is -3; it must be at least 1"),
        ("/v1/recommend/ann?k=9999", "k is 9999; it must be at most 1000"),
        ("/v1/recommend/ann?k=2.5", "k is '2.5'; expected an integer"),
        ("/v1/recommend/ann?diversity=much", "diversity is 'much'; expected a number"),
        ("/v1/recommend/ann?diversity=nan", "diversity is nan; it must be at most 1"),
        ("/v1/recommend/ann?filter_seen=5", "filter_seen is '5'; expected true or false"),
        (
            "/v1/recommend/ann?unknown_users=warm",
            "unknown_users is 'warm'; expected 'error' or 'popularity'",
        ),
        ("/v1/explain?user_id=ann", "item_id is missing"),
        ("/v1/explain?user_id=ann&item_id=", "item_id is empty; it must not be empty"),
        (
            f"/v1/users/{'x' * 600}",
            f"user_id is '{'x' * 60}…'; it must have at most 512 characters",
        ),
        ("/v1/users/a%00", "user_id is 'a\x00'; it must not contain control characters"),
    ],
)
def test_an_invalid_parameter_is_explained_in_plain_words(client, path, text):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["detail"].startswith(text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"item_ids": [], "k": 3}, "item_ids is a list of 0; it must have at least 1 entries"),
        ({"item_ids": "a"}, "item_ids is 'a'; expected a list"),
        ({"item_ids": ["a"], "n": 3}, "n is not a field of the request; leave it out"),
        ({"item_ids": [{}]}, "item_ids.0 is an object; expected a text"),
        ([], "body is a list of 0; expected an object"),
    ],
)
def test_an_invalid_body_is_explained_in_plain_words(client, body, text):
    answer = client.post("/v1/history", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, text)


def test_a_body_that_is_not_json_is_named_as_such(client):
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/history", content=b'{"item_ids": }', headers=headers)
    assert answer.json()["detail"] == "the body is not JSON: character 13 is not expected"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/users?qeury=a", "there is no parameter 'qeury'; did you mean query?"),
        ("/v1/run?x=1", "there is no parameter 'x'; known: none"),
        ("/healthz?x=", "there is no parameter 'x'; known: none"),
    ],
)
def test_an_unknown_parameter_is_refused(client, path, text):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")
    assert answer.json()["detail"] == text


def test_an_unknown_modality_is_404_with_the_known_ones(client):
    answer = client.get("/v1/items?modality=taste")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_modality")
    assert answer.json()["nearest"] == ["visual", "acoustic"]


def test_a_parameter_is_given_once_unless_it_is_a_list(client):
    answer = client.get("/v1/users?limit=1&limit=2")
    assert answer.json()["detail"] == "limit is given twice; once is enough"
    assert client.get("/v1/items?modality=visual&modality=acoustic").status_code == 200


def test_a_channel_that_an_item_lacks_is_404_with_those_it_has(client):
    answer = client.get("/v1/similar/a?channel=acoustic")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_channel")
    assert answer.json()["detail"] == "item 'a' has no acoustic features"
    assert answer.json()["nearest"] == ["visual"]


@pytest.mark.parametrize(
    ("path", "entries", "size"),
    [
        ("/v1/items", "items", 5),
        ("/v1/items?query=a&sort=popularity", "items", 1),
        ("/v1/items?modality=visual", "items", 3),
        ("/v1/users", "users", 4),
        ("/v1/users?query=nn", "users", 2),
        ("/v1/users/ann", "watched", 2),
    ],
)
def test_the_pages_of_a_list_are_the_list(client, path, entries, size):
    whole = client.get(path).json()
    assert (len(whole[entries]), whole["total"], whole["next"]) == (size, size, None)
    found, cursor = [], ""
    while cursor is not None:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        body = client.get(path, params=params | dict(parse_qsl(urlsplit(path).query))).json()
        found += body[entries]
        assert body["total"] == size
        cursor = body["next"]
    assert found == whole[entries]


def test_a_cursor_is_valid_only_for_its_own_list(client, runs):
    cursor = client.get("/v1/items?limit=2").json()["next"]
    for path in ("/v1/users", "/v1/items?query=a", "/v1/items?modality=visual"):
        answer = client.get(path, params=dict(parse_qsl(urlsplit(path).query)) | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_cursor")
        assert answer.json()["detail"].startswith("cursor does not belong to this request")
    for text in ("", "x", "é", "bnVsbA", "WzEsMl0", "." * 100):
        assert client.get("/v1/items", params={"cursor": text}).status_code == 404
    write_small_run(runs / "second")
    move_latest(runs / "second")
    assert Reloader.check(reloader_of(client))
    answer = client.get("/v1/items", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")


def reloader_of(client):
    reloader = Reloader(client.app.state.service)
    reloader._version = None  # it began before the run was written
    return reloader


def test_head_has_the_headers_of_get_and_no_body(client):
    for path in ("/v1/items", "/v1/recommend/ann", "/", "/static/js/main.js", "/healthz"):
        whole, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
    assert client.head("/v1/users/zz").status_code == 404


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/items", "GET, HEAD, OPTIONS"),
        ("/v1/recommend/ann", "GET, HEAD, OPTIONS"),
        ("/v1/history", "POST, OPTIONS"),
        ("/v1/feedback", "POST, DELETE, OPTIONS"),
        ("/v1/videos/a", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_are_the_methods_of_an_address(client, path, methods):
    answer = client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, methods)
    assert client.options("/v1/none").status_code == 404


def test_many_users_are_ranked_at_once(client):
    sent = {"user_ids": ["bob", "ann", "bob"], "k": 2}
    body = client.post("/v1/recommend", json=sent).json()
    assert [each["user_id"] for each in body["lists"]] == ["bob", "ann"]
    for each in body["lists"]:
        alone = client.get(f"/v1/recommend/{each['user_id']}?k=2").json()
        assert each["items"] == alone["items"]
    answer = client.post("/v1/recommend", json={"user_ids": ["ann", "zz"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    cold = {"user_ids": ["zz"], "k": 1, "unknown_users": "popularity"}
    assert client.post("/v1/recommend", json=cold).json()["lists"][0]["items"][0]["item_id"] == "b"


@pytest.mark.parametrize("path", ["/v1/recommend/bob", "/v1/similar/b"])
def test_the_pages_of_a_ranked_list_are_the_list(client, path):
    whole = client.get(f"{path}?k=100").json()
    assert whole["next"] is None
    found, params = [], {"k": 2}
    while params is not None:
        body = client.get(path, params=params).json()
        found += body["items"]
        params = {"k": 2, "cursor": body["next"]} if body["next"] else None
    assert found == whole["items"]
    assert [card["rank"] for card in found] == list(range(1, len(found) + 1))


def test_a_diverse_list_has_one_page(client):
    assert client.get("/v1/recommend/bob?k=2&diversity=0.5").json()["next"] is None


def test_the_pages_of_a_history_are_its_list(client):
    sent = {"item_ids": ["a"]}
    whole = client.post("/v1/history", json=sent | {"k": 100}).json()
    first = client.post("/v1/history", json=sent | {"k": 3}).json()
    second = client.post("/v1/history", json=sent | {"k": 3, "cursor": first["next"]}).json()
    assert first["items"] + second["items"] == whole["items"]
    assert second["next"] is None


def test_an_item_in_the_list_of_a_history_is_explained(client, settings):
    why = client.post("/v1/history/explain", json={"item_ids": ["a"], "item_id": "b"}).json()
    library = Recommender.load(settings.run).explain_history(["a"], "b")
    assert (why["user_id"], why["parts"]) == (None, library.parts)
    assert why["nearest"]["visual"][0]["item_id"] == "a"


@pytest.mark.parametrize("user", [".", ".."])
def test_ids_that_clients_remove_from_a_path_are_encoded_twice(serve, tmp_path, user):
    folder = write_small_run(tmp_path / "dots", users=[user, "b", "c", "d"])
    client = serve(run=folder)
    answer = client.get(f"/v1/users/{segment(user)}")
    assert (answer.status_code, answer.json()["user_id"]) == (200, user)
    assert ids(client.get(f"/v1/recommend/{segment(user)}?k=1")) == ["b"]


def test_an_id_of_any_length_that_is_allowed_is_served(serve, tmp_path):
    long = "é" * 512
    client = serve(run=write_small_run(tmp_path / "long", users=[long, "b", "c", "d"]))
    answer = client.get(f"/v1/recommend/{segment(long)}?k=1")
    assert (answer.status_code, ids(answer)) == (200, ["b"])


def test_modality_worth_is_shown_and_left_out_where_its_file_is_corrupt(serve, runs):
    row = {"modality": "visual", "how": "drop", "mean": 0.1, "low": None, "high": None}
    body = {"metric": "recall@20", "rows": [row]}
    path = runs / "latest" / "ablation.json"
    path.write_text(json.dumps(body))
    assert serve().get("/v1/run").json()["modality_worth"] == body
    path.write_text("{")
    assert serve().get("/v1/run").json()["modality_worth"] is None
