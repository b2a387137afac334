"""Routes of insights: the values are those of the library."""

import pytest

from mmgcn.evaluation.coverage import run_coverage
from mmgcn.run import Run


def test_coverage_is_the_library_s(client, settings):
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
