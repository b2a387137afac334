"""A service under a path prefix, behind proxies."""

import json
import re

import pytest
from starlette.testclient import TestClient

from mmgcn.service.app import create_app

TOKEN = "s3cret-of-the-test"


@pytest.mark.parametrize("kept", ["/mm", ""])
def test_below_a_prefix_every_address_works_whether_the_proxy_removes_it_or_not(serve, kept):
    client = serve(root_path="/mm", token=TOKEN)
    answer = client.get(f"{kept}/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/mm/")
    assert "Path=/mm/;" in answer.headers["set-cookie"]
    headers = {"authorization": f"Bearer {TOKEN}"}
    for path in ("/v1/recommend/ann", "/v1/items?query=a", "/healthz", "/static/js/main.js"):
        assert client.get(kept + path, headers=headers).status_code == 200
    card = client.get(f"{kept}/v1/items/a", headers=headers).json()
    assert card["video"] == "/mm/v1/videos/a"
    video = client.get(card["video"] if kept else card["video"][3:], headers=headers)
    assert video.status_code == 200
    document = client.get(f"{kept}/openapi.json", headers=headers).json()
    assert document["servers"] == [{"url": "/mm"}]


def test_the_prefix_alone_leads_to_the_page(serve):
    answer = serve(root_path="/mm").get("/mm?x=1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, "/mm/?x=1")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_names_no_absolute_address(client, path):
    page = client.get(path).text
    addresses = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert addresses
    assert not [each for each in addresses if each.startswith(("/", "http"))]


def statuses(settings, peer, forwarded):
    """Responses to five requests of a peer, each forwarded for another client."""
    app = create_app(settings)
    with TestClient(app, base_url="http://127.0.0.1", client=(peer, 1)) as client:
        headers = [{"x-forwarded-for": each} for each in forwarded]
        return [client.get("/v1/users", headers=each).status_code for each in headers]


def test_behind_a_named_proxy_the_rate_is_that_of_each_client(serve, settings):
    from dataclasses import replace

    limited = replace(settings, requests_per_second=0.01, proxies=("10.0.0.0/8",))
    clients = ["203.0.113.1", "203.0.113.2", "203.0.113.1", "203.0.113.3"]
    assert statuses(limited, "10.0.0.7", clients) == [200, 200, 429, 200]
    assert statuses(limited, "192.0.2.1", clients) == [200, 429, 429, 429]  # not named
    assert statuses(replace(limited, proxies=()), "10.0.0.7", clients) == [200, 429, 429, 429]


def test_worker_processes_have_the_same_settings(settings, monkeypatch):
    from dataclasses import replace

    from mmgcn.service.settings import VARIABLE, Settings

    monkeypatch.setenv(VARIABLE, "")
    before = replace(settings, root_path="/mm", proxies=("10.0.0.1",), allow_origins=("http://a",))
    before.to_environment()
    assert Settings.from_environment() == before
    assert json.loads(__import__("os").environ[VARIABLE])["proxies"] == ["10.0.0.1"]
