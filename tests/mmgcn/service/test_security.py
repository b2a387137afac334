"""Access to the service, and what a browser may do with responses."""

import pytest

from mmgcn.service.settings import Settings


def test_every_answer_has_strict_headers(client):
    for path in ("/v1/users", "/v1/users/zz", "/v1/videos/b", "/nothing", "/v1/users?limit=x"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "cache-control" in headers


def test_the_documentation_of_the_api_may_show_the_icons_of_its_styles_and_nothing_else(client):
    answer = client.get("/docs")
    usual = client.get("/").headers["content-security-policy"]
    assert answer.headers.get_list("content-security-policy") == [f"{usual}; img-src 'self' data:"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"static/docs/{name}" in answer.text
        assert client.get(f"/static/docs/{name}").status_code == 200


def test_without_a_token_only_loopback_names_are_served(client):
    for host in ("localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"):
        assert client.get("/v1/users", headers={"host": host}).status_code == 200
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""):
        answer = client.get("/v1/users", headers={"host": host})
        assert answer.status_code == 403
        assert "localhost" in answer.json()["detail"]


def test_an_open_service_accepts_any_host_name(serve):
    client = serve(loopback=False)
    assert client.get("/v1/users", headers={"host": "videos.example"}).status_code == 200


@pytest.fixture
def guarded(serve):
    return serve(token="s3cret-of-the-test", requests_per_second=0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer s3cret-of-the-tes"},
        {"authorization": "Bearer s3cret-of-the-test2"},
        {"authorization": "Basic s3cret-of-the-test"},
        {"authorization": "Bearer \xff"},
        {"cookie": "mmgcn_token=wrong"},
        {"cookie": 'mmgcn_token="\\'},
        {"cookie": "other=s3cret-of-the-test"},
    ],
)
def test_without_the_token_every_route_is_refused(guarded, headers):
    given = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/v1/recommend/ann", "/v1/videos/b", "/metrics", "/openapi.json", "/v1/zz"):
        answer = guarded.get(path, headers=given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "token_required"
    answer = guarded.post("/v1/feedback", json={}, headers=given)
    assert answer.status_code == 401


def test_wrong_tokens_are_logged_and_limited_in_rate(serve, caplog):
    client = serve(token="s3cret-of-the-test", requests_per_second=0)
    wrong = {"authorization": "Bearer a-guess-of-the-token"}
    statuses = [client.get("/v1/users", headers=wrong).status_code for _ in range(25)]
    assert statuses[:20] == [401] * 20
    assert statuses[-1] == 429
    answer = client.get("/v1/users", headers={"authorization": "Bearer s3cret-of-the-test"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")  # not looked at
    assert "a wrong token from testclient for /v1/users" in caplog.text
    assert "a-guess" not in caplog.text
    assert client.get("/v1/users").status_code == 401  # no token is no guess
    assert client.get("/healthz").status_code == 200


def test_two_hosts_are_refused(serve):
    client = serve(loopback=False)
    headers = [("host", "127.0.0.1"), ("host", "videos.example")]
    answer = client.get("/v1/users", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token": "a" * 15}, "has 15 characters and could be guessed; it needs 16"),
        ({"root_path": "mm"}, "root_path is 'mm'; expected a path that begins with /"),
        ({"root_path": "/mm/"}, "root_path is '/mm/'"),
        ({"proxies": ("nginx",)}, "'nginx' is neither"),
        ({"allow_origins": ("https://a.example", "*")}, r"'\*' is not an origin; expected scheme"),
        ({"allow_origins": ("https://a.example/",)}, "'https://a.example/' is not an origin"),
    ],
)
def test_settings_that_are_unsafe_or_wrong_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Settings(**options)


def test_guesses_of_the_token_are_limited_in_rate(serve):
    client = serve(token="s3cret-of-the-test", requests_per_second=0.01)
    statuses = [client.get("/v1/users").status_code for _ in range(3)]
    assert statuses == [401, 429, 429]


def test_with_the_token_every_route_responds(guarded):
    for kind in ("Bearer", "bearer"):
        headers = {"authorization": f"{kind} s3cret-of-the-test", "host": "videos.example"}
        assert guarded.get("/v1/recommend/ann", headers=headers).status_code == 200
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


@pytest.mark.parametrize("token", ["", "a b", "a;b", "schlüssel", "a\n"])
def test_a_token_that_a_header_cannot_carry_is_refused(token):
    with pytest.raises(ValueError, match="consists of letters, digits"):
        Settings(token=token)


def test_a_browser_gets_the_token_as_a_cookie_that_scripts_cannot_read(serve):
    token = "s3cret-of-the-test+/=-._~"
    client = serve(token=token)
    answer = client.get("/", params={"token": token}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/v1/recommend/ann").status_code == 200  # which the client sends by itself
    wrong = serve(token=token).get("/", params={"token": "wrong"}, follow_redirects=False)
    assert "set-cookie" not in wrong.headers


def test_the_page_gets_the_cookie_for_the_token_in_a_header(serve):
    client = serve(token="s3cret-of-the-test")
    assert client.post("/v1/session").status_code == 401
    wrong = client.post("/v1/session", headers={"authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    answer = client.post("/v1/session", headers={"authorization": "Bearer s3cret-of-the-test"})
    assert answer.status_code == 201
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert client.get("/v1/recommend/ann").status_code == 200


def test_feedback_of_a_plain_form_is_refused(serve, tmp_path):
    """Another site can send a form without a preflight request, but not JSON."""
    client = serve(feedback=f"sqlite:///{tmp_path}/feedback.db")
    body = b'{"events": [{"user_id": "ann", "item_id": "a", "event": "like"}]}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = client.post("/v1/feedback", content=body, headers={"content-type": content_type})
        assert answer.status_code == 422


def test_prometheus_can_read_the_metrics(client):
    client.get("/v1/recommend/ann")
    client.get("/v1/recommend/ann")
    client.get("/v1/recommend/nobody")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'mmgcn_requests_total{route="recommend",status="200"} 2.0' in lines
    assert 'mmgcn_requests_total{route="recommend",status="404"} 1.0' in lines
    assert "mmgcn_cache_hits_total 1.0" in lines
    assert 'mmgcn_request_seconds_count{route="recommend"} 3.0' in lines


def test_pages_of_named_origins_alone_may_read_responses(serve):
    client = serve(allow_origins=("https://a.example",), token="s3cret-of-the-test")
    preflight_headers = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    preflight = client.options(
        "/v1/feedback", headers={"origin": "https://a.example", **preflight_headers}
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    # A refusal can be read too; nobody is let in without the token.
    answer = client.get("/v1/users", headers={"origin": "https://a.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    for other in ("https://b.example", "null"):
        answer = client.get("/v1/users", headers={"origin": other})
        assert "access-control-allow-origin" not in answer.headers
        assert (
            client.options("/v1/users", headers={"origin": other, **preflight_headers}).status_code
            == 400
        )
    assert (
        "access-control-allow-origin"
        not in serve().get("/v1/users", headers={"origin": "https://a.example"}).headers
    )
