"""The pages about the service: data and bias, and health."""

import pytest

from mmgcn.evaluation.coverage import run_coverage
from mmgcn.run import Run
from tests.mmgcn.service.page.actions import go, until


def test_data_and_bias_are_those_of_the_library(page, service):
    coverage = run_coverage(Run.load(service.settings.run))
    go(page, f"{service.address}#/data")
    chart = page.get_by_role("img", name="Lorenz curve of popularity")
    assert f"{coverage.popularity.gini:.2f}" in chart.get_attribute("aria-label")
    row = page.locator(".metrics tbody tr").first
    share = float(row.locator("td").first.inner_text().strip("%\n")) / 100
    assert share == pytest.approx(coverage.groups["head"].items, abs=0.0051)  # of whole percents
    assert page.locator(".shares li").all_inner_texts() == ["visual\n100%", "acoustic\n100%"]


def test_health_counts_requests_by_route_and_is_redrawn(page, service):
    go(page, f"{service.address}#/health")
    requests = page.locator(".facts dd").first
    before = int(requests.inner_text().replace(",", ""))
    assert before > 0
    assert page.locator(".metrics tbody th", has_text="items").count() == 1
    page.evaluate("fetch('v1/recommend/nobody')")
    until(lambda: int(requests.inner_text().replace(",", "")) > before)
    page.get_by_role("img", name="Requests per second").wait_for()
    page.get_by_text("404", exact=True).wait_for()


def test_a_refused_run_is_shown_with_the_reason(page, service):
    refused = {
        "at": "2030-01-31T10:00:00+00:00",
        "outcome": "refused",
        "run": "half",
        "reason": "the run at half lacks item.npy; fit again",
    }
    body = {"run": "run", "since": "2030-01-31T09:00:00+00:00", "reloads": [refused]}
    page.route("**/v1/reloads", lambda route: route.fulfill(json=body))
    go(page, f"{service.address}#/health")
    page.get_by_text("the run at half lacks item.npy; fit again").wait_for()
    page.get_by_text("refused 2030-01-31 10:00 UTC").wait_for()


def test_the_quantile_of_a_histogram_is_the_bound_of_its_bucket(page):
    quantiles = """async () => {
      const { quantileOf, samplesOf } = await import("./static/js/prometheus.js");
      const samples = samplesOf('# HELP s\\n'
        + 's_bucket{le="0.1",route="a\\\\"b"} 50.0\\ns_bucket{le="1.0",route="x"} 98\\n'
        + 's_bucket{le="+Inf",route="x"} 100.0\\n');
      const found = [0.5, 0.9, 0.99].map((share) => quantileOf(samples, share));
      return [...found, samples[0].labels.route, quantileOf([], 0.5)];
    }"""
    first, second, third, route, none = page.evaluate(quantiles)
    assert (first, second, third, none) == (0.1, 1, float("inf"), None)
    assert route == 'a\\"b'
