"""A notice on an open page when the service loads a newer run."""

from tests.mmgcn.service.page.actions import go, until


def come_back(page):
    """Dispatch the event of a page that becomes visible again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_an_open_page_says_that_a_new_run_is_in_service(page, service):
    with page.expect_response("**/readyz"):
        go(page, f"{service.address}#/user/u0")
    notice = page.get_by_text("A new run is in service")
    with page.expect_response("**/readyz"):
        come_back(page)
    assert notice.count() == 0
    newer = {"run": "20300101-000000", "feedback": "on"}
    page.route("**/readyz", lambda route: route.fulfill(json=newer))
    come_back(page)
    page.get_by_text("A new run is in service: 20300101-000000").wait_for()
    with page.expect_response("**/readyz"):
        come_back(page)
    assert notice.count() == 1  # once for each run
    page.evaluate("window.sameDocument = true")
    page.get_by_role("button", name="Reload").click()
    until(lambda: page.evaluate("window.sameDocument") is None)
