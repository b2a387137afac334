"""The page of the status."""


def test_the_status_page_draws_the_metrics_and_the_curves(page):
    page.get_by_role("link", name="Status").click()
    page.get_by_role("img", name="Recall over the epochs: @10 0.500, @20 0.750").wait_for()
    assert page.locator(".metrics tbody tr").first.all_inner_texts() == ["Recall\t0.5000\t0.7500"]
    assert page.locator(".chart").count() == 3
