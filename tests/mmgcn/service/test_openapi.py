"""The service conforms to the OpenAPI document for any request (Schemathesis)."""

from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

NUM_EXAMPLES = 10
KINDS = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@pytest.fixture
def client(serve, tmp_path):
    """A service that stores feedback."""
    return serve(feedback=f"sqlite:///{tmp_path}/feedback.db", loopback=False)


def operations(client):
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    return [result.ok() for result in schema.get_all_operations()]


def test_every_route_is_described_and_every_error_has_one_form(client):
    document = client.get("/openapi.json").json()
    assert len(document["paths"]) == 28
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["description"], (method, path)
            if path.startswith("/v1/"):
                assert {"401", "422", "429"} <= set(route["responses"]), (method, path)
            for status, response in route["responses"].items():
                if int(status) < 400:
                    continue
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema["$ref"].endswith("/Problem"), (method, path, status)


@pytest.mark.parametrize("mode", KINDS, ids=lambda mode: mode.value)
def test_every_response_is_one_of_the_document(client, mode):
    """All checks of Schemathesis: status, type and schema of the response, and never a 500."""
    for operation in operations(client):
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=NUM_EXAMPLES,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case):
            case.call_and_validate()

        with suppress(Unsatisfiable):  # a route without parameters has no invalid requests
            ask()


@pytest.mark.parametrize(("user", "item"), [("ann", "a"), ("cy/ril", "d/e"), ("ännchen", "b")])
def test_responses_for_known_ids_are_those_of_the_document(client, user, item):
    for operation in operations(client):
        case = operation.Case(
            path_parameters={"user_id": user, "item_id": item},
            query={"user_id": user, "item_id": item} if operation.path == "/v1/explain" else {},
        )
        if operation.method.upper() != "GET" or operation.path.startswith(
            ("/v1/posters", "/v1/sprites")
        ):
            continue
        if operation.path in ("/v1/map", "/v1/compare/{user_id}"):  # there are no others yet
            continue
        answer = case.call_and_validate()
        if not operation.path.startswith("/v1/videos"):
            assert answer.status_code == 200
