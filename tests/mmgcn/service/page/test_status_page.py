"""The page of the status."""

import json

from tests.mmgcn.service.page.actions import go


def test_the_status_page_draws_the_metrics_and_the_curves(page):
    page.get_by_role("link", name="Status").click()
    name = "Validation recall over the epochs: @10 0.500, @20 0.750"
    page.get_by_role("img", name=name).wait_for()
    assert page.locator(".metrics tbody tr").first.all_inner_texts() == ["Recall\t0.5000\t0.7500"]
    assert page.locator(".chart").count() == 3


def test_ensemble_members_are_drawn_separately_and_equal_metrics_once(page, service):
    epochs = [
        {"epoch": epoch, "loss": 1.0, "recall@5": 0.5, "hit_rate@5": 0.5} for epoch in range(1, 7)
    ]

    def change(route):
        body = json.loads(route.fetch().text())
        route.fulfill(
            json=body | {"history": epochs, "metrics": {"recall@5": 0.5, "hit_rate@5": 0.5}}
        )

    baseline = {
        "max_held_out": 1,
        "num_users": 9,
        "metrics": {"recall@5": 0.25},
        "member_starts": [1, 4],
    }
    page.route("**/v1/run", change)
    page.route("**/v1/baseline", lambda route: route.fulfill(json=baseline))
    go(page, f"{service.address}#/status")
    page.get_by_text("2 ensemble members, one after the other").wait_for()
    recall = page.get_by_role("img", name="Validation recall")
    assert recall.locator("polyline").count() == 2
    points = recall.locator("polyline").evaluate_all(
        "lines => lines.map((line) => line.points.length)"
    )
    assert points == [3, 3]
    assert recall.locator(".level title").all_text_contents() == [
        "@5 of the most popular videos: 0.2500"
    ]
    assert page.locator(".metrics tbody th").all_text_contents() == [
        "Recall",
        "Recall, most popular",
    ]
    assert page.get_by_role("img", name="hit rate").count() == 0
    assert page.get_by_text("so the hit rate equals the recall").count() == 1
